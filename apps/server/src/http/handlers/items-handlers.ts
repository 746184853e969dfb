import type { DedupKeysService, ItemChangesService, ItemsService } from '@querator/engine';
import {
  type endpointsV2,
  fromDedupKey,
  fromKeyedItems,
  fromOutcomes,
  fromShownItem,
  type Handlers,
  toDedupKey,
  toGivenItem,
  toItemFilter,
} from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';
import { mapInTurns } from '../call/map-in-turns.ts';

/** The handlers by which operators find and change the items of a queue. */
export function itemsHandlers({
  items,
  itemChanges,
  dedupKeys,
}: {
  readonly items: ItemsService;
  readonly itemChanges: ItemChangesService;
  readonly dedupKeys: DedupKeysService;
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
      if (request.dedupKeys) {
        const { keys, cursor } = await dedupKeys.export(request, { caller, signal });
        return { items: [], dedupKeys: await mapInTurns(keys, fromDedupKey), hasDedupKeys: true, cursor };
      }
      const { items: found, cursor } = await items.export(request, { caller, signal });
      return { items: await mapInTurns(found, fromShownItem), dedupKeys: [], hasDedupKeys: false, cursor };
    },
    async import({ items: sent, dedupKeys: keys, ...request }, context) {
      if (keys.length > 0) {
        const call = { ...request, items: sent.length, keys: await mapInTurns(keys, toDedupKey) };
        const { stored, present } = await dedupKeys.import(call);
        context.audit?.add({ items: 0 });
        return { items: [], keysStored: stored, keysPresent: present };
      }
      const given = await mapInTurns(sent, toGivenItem);
      const call = { ...request, items: given, received: context.elementsReceived };
      const outcomes = await itemChanges.import(call);
      context.audit?.add({ items: outcomes.filter((each) => !('error' in each) && !each.duplicate).length });
      return { items: fromKeyedItems(outcomes), keysStored: 0, keysPresent: 0 };
    },
  };
}
