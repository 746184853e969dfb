import type { StorageService } from '@querator/engine';
import { fromStoredItem, type Handlers } from '@querator/protocol';
import type { CallContext, SERVED } from './endpoints.ts';

/** The operator's view into partitions. */
export function storageHandlers(storage: StorageService): Handlers<(typeof SERVED)['storage'], CallContext> {
  return {
    async itemsList(request) {
      return { items: (await storage.listItems(request)).map(fromStoredItem) };
    },
    async scheduledList(request) {
      return { items: (await storage.listScheduled(request)).map(fromStoredItem) };
    },
  };
}
