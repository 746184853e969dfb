import { MESSAGES, QueueError } from '@querator/core';
import { fromRetriedItem, queueEndpoints, toLeasedItem } from '@querator/protocol';
import type { Client } from '../client.ts';
import { BrokenReplyError } from '../errors/broken-reply-error.ts';
import type { QueuePort, Refusals, ServerTime } from './queue-port.ts';
import { serverTimeOf } from './server-time.ts';

/** The request timeout of a complete call. */
const COMPLETE_TIMEOUT = '30s';

const NONE_REFUSED: Refusals = new Map();

/** The calls of a consumer, sent to a server under `/v1/`. */
export function clientPort(client: Client): QueuePort {
  return {
    extend: undefined,
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

/** The server's reply if no item arrived in time. */
function isQueueEmpty(error: unknown): boolean {
  return error instanceof QueueError && error.message === MESSAGES.leaseTimedOut;
}
