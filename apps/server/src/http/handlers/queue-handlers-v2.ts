import type { LeasedItemsService, QueueService } from '@querator/engine';
import {
  type endpointsV2,
  fromExtended,
  fromLeasedItemsV2,
  fromOutcomes,
  fromProducedItems,
  type Handlers,
  toNewItem,
  toRetriedItem,
} from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';

/** The handlers of the calls on one queue under `/v2/`. */
export function queueHandlersV2({
  queue,
  leasedItems,
}: {
  readonly queue: QueueService;
  readonly leasedItems: LeasedItemsService;
}): Handlers<typeof endpointsV2.queue, CallContext> {
  return {
    async produce({ queueName, requestTimeout, items }, context) {
      const produced = await queue.produceWithIds(
        { queueName, requestTimeout, items: items.map(toNewItem), received: context.elementsReceived },
        context,
      );
      return { items: fromProducedItems(produced) };
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
        { queueName, partition, items: items.map(toRetriedItem), received: context.elementsReceived },
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
