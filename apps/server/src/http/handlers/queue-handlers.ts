import type { QueueService } from '@querator/engine';
import {
  fromLeasedItems,
  fromPartitionStats,
  type Handlers,
  type queueEndpoints,
  REPLY_HEADERS,
  SUCCESS_REPLY,
  toNewItem,
  toRetriedItem,
} from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';

/** The handlers of the calls on one queue. */
export function queueHandlers(queue: QueueService): Handlers<typeof queueEndpoints, CallContext> {
  return {
    async produce({ queueName, requestTimeout, items }, context) {
      await queue.produce(
        {
          queueName,
          requestTimeout,
          items: items.map(toNewItem),
          received: context.elementsReceived,
          tracePairs: context.trace?.sentPairs,
        },
        context,
      );
      return SUCCESS_REPLY;
    },
    async lease(request, context) {
      const { partition, items } = await queue.lease(request, context);
      return { queueName: request.queueName, partition, items: fromLeasedItems(items) };
    },
    async complete(request, context) {
      const received = context.elementsReceived;
      await queue.complete(received === undefined ? request : { ...request, received }, context);
      return SUCCESS_REPLY;
    },
    async retry({ queueName, partition, items }, context) {
      await queue.retry(
        { queueName, partition, items: items.map(toRetriedItem), received: context.elementsReceived },
        context,
      );
      return SUCCESS_REPLY;
    },
    async clear(request, context) {
      const items = await queue.clear(request);
      context.audit?.add({ items });
      return SUCCESS_REPLY;
    },
    async reload({ queueName }) {
      await queue.reload(queueName);
      return SUCCESS_REPLY;
    },
    async stats({ queueName }, context) {
      const { partitions, countAgeMs, produceWaiting, leaseWaiting, completeWaiting, retryWaiting } =
        await queue.stats(queueName);
      context.replyHeaders = { [REPLY_HEADERS.countAge]: String(Math.ceil(countAgeMs) / 1_000) };
      return {
        queueName,
        logicalQueues: [
          {
            produceWaiting,
            leaseWaiting,
            completeWaiting,
            inFlight: produceWaiting + leaseWaiting + completeWaiting + retryWaiting,
            partitions: partitions.map((stats) => fromPartitionStats(stats, stats)),
          },
        ],
      };
    },
  };
}
