import type { ItemsService } from '@querator/engine';
import { type endpointsV2, fromShownItem, type Handlers, toItemFilter } from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';
import { mapInTurns } from '../call/map-in-turns.ts';

/** The handlers by which operators find the items of a queue. */
export function itemsHandlers(items: ItemsService): Handlers<typeof endpointsV2.items, CallContext> {
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
  };
}
