import type { StorageService } from '@querator/engine';
import { fromStoredItem, type Handlers, SUCCESS_REPLY, toImportedItem } from '@querator/protocol';
import type { CallContext, SERVED } from './endpoints.ts';

/** The operator's view into partitions. */
export function storageHandlers(storage: StorageService): Handlers<(typeof SERVED)['storage'], CallContext> {
  return {
    async itemsList(request) {
      return { items: (await storage.listItems(request)).map(fromStoredItem) };
    },
    async itemsImport({ queueName, partition, items }) {
      const stored = await storage.importItems({ queueName, partition, items: items.map(toImportedItem) });
      return { items: stored.map(fromStoredItem) };
    },
    async itemsDelete(request) {
      await storage.deleteItems(request);
      return SUCCESS_REPLY;
    },
    async scheduledList(request) {
      return { items: (await storage.listScheduled(request)).map(fromStoredItem) };
    },
  };
}
