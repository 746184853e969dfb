import type { KeyedProduceService, LeasedItemsService, QueueService } from '@querator/engine';
import {
  type endpointsV2,
  fromExtended,
  fromKeyedItems,
  fromLeasedItemsV2,
  fromOutcomes,
  fromProducedItems,
  type Handlers,
  toNewItemV2,
  toRetriedItemV2,
} from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';

/** The handlers of the calls on one queue under `/v2/`. */
export function queueHandlersV2({
  queue,
  keyedProduces,
  leasedItems,
}: {
  readonly queue: QueueService;
  readonly keyedProduces: KeyedProduceService;
  readonly leasedItems: LeasedItemsService;
}): Handlers<typeof endpointsV2.queue, CallContext> {
  return {
    async produce({ queueName, requestTimeout, items, dedupKey, dedupWindow }, context) {
      const received = context.elementsReceived;
      const tracePairs = context.trace?.ownPairs;
      const call = { queueName, requestTimeout, items: items.map(toNewItemV2), received, tracePairs };
      if (dedupKey === '' && dedupWindow === '' && items.every((item) => item.dedupKey === '')) {
        return { items: fromProducedItems(await queue.produceWithIds(call, context)) };
      }
      const itemKeys = items.map((item) => item.dedupKey);
      const keyed = { ...call, dedupKey, itemKeys, dedupWindow };
      return { items: fromKeyedItems(await keyedProduces.produce(keyed, context)) };
    },
    async lease(request, context) {
      const { partition, items } = await queue.lease({ ...request, details: true }, context);
      return { queueName: request.queueName, partition, items: fromLeasedItemsV2(items) };
    },
    async complete(request, context) {
      const outcomes = await leasedItems.complete(
        { ...request, received: context.elementsReceived },
        context,
      );
      return { items: fromOutcomes(request.ids, outcomes) };
    },
    async retry({ queueName, partition, items }, context) {
      const outcomes = await leasedItems.retry(
        { queueName, partition, items: items.map(toRetriedItemV2), received: context.elementsReceived },
        context,
      );
      const ids = items.map(({ id }) => id);
      return { items: fromOutcomes(ids, outcomes) };
    },
    async extend(request, context) {
      const outcomes = await leasedItems.extend({ ...request, received: context.elementsReceived }, context);
      return { items: fromExtended(request.ids, outcomes) };
    },
  };
}
