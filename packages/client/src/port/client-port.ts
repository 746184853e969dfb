import { formatDuration, type Instant, type ItemId, MESSAGES, QueueError } from '@querator/core';
import { fromRetriedItem, fromTimestamp, queueEndpoints, toLeasedItem } from '@querator/protocol';
import type { Client } from '../client.ts';
import { BrokenReplyError } from '../errors/broken-reply-error.ts';
import { itemError } from './item-error.ts';
import type { QueuePort, Refusals, ServerTime } from './queue-port.ts';
import { serverTimeOf } from './server-time.ts';

/** The request timeout of a complete call. */
const COMPLETE_TIMEOUT = '30s';
/** The request timeout of an extend call. A later attempt is worth more than a late answer. */
const EXTEND_TIMEOUT = '5s';

const NONE_REFUSED: Refusals = new Map();

/** The calls of a consumer, sent to a server: under `/v1/` but for the renewal of leases. */
export function clientPort(client: Client): QueuePort {
  let extend: QueuePort['extend'];
  return {
    thread: client.renewalThread,
    get extend() {
      return extend;
    },
    async discover() {
      if (extend !== undefined) return;
      const { capabilities } = await client.discover();
      if (capabilities.has('queue.extend')) extend = extendOf(client);
    },
    async lease(call, signal) {
      let serverTime: ServerTime | undefined;
      const onReply = (header: (name: string) => string | undefined) => {
        serverTime = serverTimeOf(header);
      };
      try {
        const { partition, items } = await client.queue.lease(call, { signal, onReply });
        // No Querator server sends an empty reply. Leasing again at once would loop without a pause.
        if (items.length === 0)
          throw new BrokenReplyError(queueEndpoints.lease.path, 'a lease without items');
        return { partition, items: items.map(toLeasedItem), serverTime };
      } catch (error) {
        if (isQueueEmpty(error)) return undefined;
        throw error;
      }
    },
    async complete({ queueName, partition, ids }) {
      await client.queue.complete({ queueName, partition, ids: [...ids], requestTimeout: COMPLETE_TIMEOUT });
      return NONE_REFUSED;
    },
    async retry({ queueName, partition, items }) {
      await client.queue.retry({ queueName, partition, items: items.map(fromRetriedItem) });
      return NONE_REFUSED;
    },
  };
}

/** The call that renews leases, of a server that has it. */
export function extendOf(client: Client): NonNullable<QueuePort['extend']> {
  return async ({ queueName, partition, leaseTimeout, ids }) => {
    const reply = await client.v2.queue.extend({
      ...{ queueName, partition, ids: [...ids], requestTimeout: EXTEND_TIMEOUT },
      leaseTimeout: formatDuration(leaseTimeout),
    });
    return new Map(
      reply.items.map(({ id, leaseDeadline, ...outcome }): [ItemId, Instant | QueueError] => [
        id,
        itemError(outcome) ?? fromTimestamp(leaseDeadline ?? { seconds: 0, nanos: 0 }),
      ]),
    );
  };
}

/** The server's reply if no item arrived in time. */
function isQueueEmpty(error: unknown): boolean {
  return error instanceof QueueError && error.message === MESSAGES.leaseTimedOut;
}
