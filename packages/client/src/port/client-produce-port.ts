import { type ErrorReason, formatDuration, QueueError } from '@querator/core';
import { BODY_LIMITS, fromNewItem } from '@querator/protocol';
import type { Client } from '../client.ts';
import { MissingCapabilityError } from '../discovery/missing-capability-error.ts';
import type { ServerInfo } from '../discovery/server-info.ts';
import { itemError } from './item-error.ts';
import type { PortProduce, ProducedItem, ProducePort } from './produce-port.ts';
import { refusesKeys } from './refuses-keys.ts';

/** The capability of dedup keys. */
const DEDUP = 'queue.produce.dedup';

const OVER_LIMIT: ErrorReason = 'over_limit';

/** Room for the fields of a request besides its items, in bytes. */
const REQUEST_OVERHEAD = 4_096;

/** The call of a producer, sent to a server: under `/v2/` where it can, otherwise under `/v1/`. */
export function clientProducePort(client: Client): ProducePort {
  let info: ServerInfo | undefined;
  let hasKeys = true;
  return {
    mostBytes: BODY_LIMITS.produce - REQUEST_OVERHEAD,
    get canDedup() {
      return hasKeys && info?.capabilities.has(DEDUP) === true;
    },
    async discover() {
      info ??= await client.discover();
    },
    async produce(call) {
      info ??= await client.discover();
      if (!info.capabilities.has(DEDUP) && call.items.some(({ dedupKey }) => dedupKey !== undefined)) {
        throw new MissingCapabilityError('a dedup key', DEDUP, info);
      }
      if (info.capabilities.has('queue.produce')) {
        try {
          return await produceV2(client, call);
        } catch (error) {
          // The producer's own key is a help, and no condition.
          if (call.dedupKey !== undefined && refusesKeys(error)) {
            hasKeys = false;
            return produceV2(client, { ...call, dedupKey: undefined });
          }
          // Another server answered, which is older. The next call asks again.
          if (!(error instanceof QueueError) || error.code !== 'unknown_method') throw error;
          if (isKeyed(call)) throw withoutKeys(error);
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

async function produceV2(client: Client, call: PortProduce): Promise<readonly ProducedItem[]> {
  const { queueName, requestTimeout, items, dedupKey = '', dedupWindow } = call;
  const reply = await client.v2.queue.produce({
    ...{ queueName, requestTimeout, dedupKey },
    items: items.map((item) => ({ ...fromNewItem(item), dedupKey: item.dedupKey ?? '' })),
    dedupWindow: isKeyed(call) && dedupWindow !== undefined ? formatDuration(dedupWindow) : '',
  });
  return reply.items.map(({ id, partition, duplicate, ...outcome }) => {
    const error = itemError(outcome);
    if (error === undefined) return { id, partition, duplicate };
    // Too many keys are stored. Some of them end with time.
    return { error: error.reason === OVER_LIMIT ? unavailableNow(error) : error };
  });
}

function isKeyed({ items, dedupKey }: PortProduce): boolean {
  return dedupKey !== undefined || items.some((item) => item.dedupKey !== undefined);
}

function unavailableNow({ message, reason }: QueueError): QueueError {
  return new QueueError('retry', message, { reason });
}

/** A server without keys would store a repeated request twice, so another one has to serve it. */
function withoutKeys(cause: QueueError): QueueError {
  const reason: ErrorReason = 'unavailable';
  return new QueueError('retry', 'a server without dedup keys answered; try again', { reason, cause });
}
