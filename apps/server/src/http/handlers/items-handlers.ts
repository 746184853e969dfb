import type { ItemChangesService, ItemsService } from '@querator/engine';
import {
  type endpointsV2,
  fromKeyedItems,
  fromOutcomes,
  fromShownItem,
  type Handlers,
  toGivenItem,
  toItemFilter,
} from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';
import { mapInTurns } from '../call/map-in-turns.ts';

/** The handlers by which operators find and change the items of a queue. */
export function itemsHandlers({
  items,
  itemChanges,
}: {
  readonly items: ItemsService;
  readonly itemChanges: ItemChangesService;
}): Handlers<typeof endpointsV2.items, CallContext> {
  return {
    async find({ filter, ...request }, { caller, signal }) {
      const found = await items.find({ ...request, filter: toItemFilter(filter) }, { caller, signal });
      return { ...found, items: await mapInTurns(found.items, fromShownItem) };
    },
    async summarize({ filter, ...request }, { signal }) {
      const { groups, ...counted } = await items.summarize(
        { ...request, filter: toItemFilter(filter) },
        { signal },
      );
      return { ...counted, groups: [...groups] };
    },
    async retry(request, context) {
      const outcomes = await itemChanges.retry({ ...request, received: context.elementsReceived });
      context.audit?.add({ items: outcomes.filter(({ ok }) => ok).length });
      return { items: fromOutcomes(request.ids, outcomes) };
    },
    async delete(request, context) {
      const outcomes = await itemChanges.delete({ ...request, received: context.elementsReceived });
      context.audit?.add({ items: outcomes.filter(({ ok }) => ok).length });
      return { items: fromOutcomes(request.ids, outcomes) };
    },
    async export(request, { caller, signal }) {
      const { items: found, cursor } = await items.export(request, { caller, signal });
      return { items: await mapInTurns(found, fromShownItem), cursor };
    },
    async import({ items: sent, ...request }, context) {
      const given = await mapInTurns(sent, toGivenItem);
      const call = { ...request, items: given, received: context.elementsReceived };
      const outcomes = await itemChanges.import(call);
      context.audit?.add({ items: outcomes.filter((each) => !('error' in each) && !each.duplicate).length });
      return { items: fromKeyedItems(outcomes) };
    },
  };
}
