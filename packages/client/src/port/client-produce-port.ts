import { QueueError } from '@querator/core';
import { BODY_LIMITS, fromNewItem } from '@querator/protocol';
import type { Client } from '../client.ts';
import { MissingCapabilityError } from '../discovery/missing-capability-error.ts';
import type { ServerInfo } from '../discovery/server-info.ts';
import { itemError } from './item-error.ts';
import type { PortProduce, ProducedItem, ProducePort } from './produce-port.ts';

/** Room for the fields of a request besides its items, in bytes. */
const REQUEST_OVERHEAD = 4_096;

/** The call of a producer, sent to a server: under `/v2/` where it can, otherwise under `/v1/`. */
export function clientProducePort(client: Client): ProducePort {
  let info: ServerInfo | undefined;
  return {
    mostBytes: BODY_LIMITS.produce - REQUEST_OVERHEAD,
    canDedup: false,
    async discover() {
      info ??= await client.discover();
    },
    async produce(call) {
      info ??= await client.discover();
      if (call.items.some(({ dedupKey }) => dedupKey !== undefined)) {
        throw new MissingCapabilityError('a dedup key', 'queue.produce.dedup', info);
      }
      if (info.capabilities.has('queue.produce')) {
        try {
          return await produceV2(client, call);
        } catch (error) {
          // Another server answered, which is older. The next call asks again.
          if (!(error instanceof QueueError) || error.code !== 'unknown_method') throw error;
        }
      }
      await produceV1(client, call);
      return [];
    },
  };
}

async function produceV1(client: Client, { queueName, requestTimeout, items }: PortProduce): Promise<void> {
  await client.queue.produce({ queueName, requestTimeout, items: items.map(fromNewItem) });
}

async function produceV2(
  client: Client,
  { queueName, requestTimeout, items }: PortProduce,
): Promise<readonly ProducedItem[]> {
  const reply = await client.v2.queue.produce({ queueName, requestTimeout, items: items.map(fromNewItem) });
  return reply.items.map(({ id, partition, ...outcome }) => {
    const error = itemError(outcome);
    return error === undefined ? { id, partition } : { error };
  });
}
