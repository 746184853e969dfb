import type { StorageService } from '@querator/engine';
import {
  fromStoredItem,
  type Handlers,
  SUCCESS_REPLY,
  type storageEndpoints,
  toImportedItem,
} from '@querator/protocol';
import type { CallContext } from '../call/call-context.ts';
import { mapInTurns } from '../call/map-in-turns.ts';
import { sendPage } from './send-page.ts';

/** The handlers that show operators what partitions hold. */
export function storageHandlers(storage: StorageService): Handlers<typeof storageEndpoints, CallContext> {
  return {
    async itemsList(request, context) {
      return { items: await sendPage(await storage.itemsPage(request), context, fromStoredItem) };
    },
    async itemsImport({ queueName, partition, items }, context) {
      const stored = await storage.importPage({
        queueName,
        partition,
        items: await mapInTurns(items, toImportedItem),
        received: context.elementsReceived,
      });
      context.audit?.add({ items: stored.storedCount });
      return { items: await sendPage(stored, context, fromStoredItem) };
    },
    async itemsDelete(request, context) {
      const items = await storage.deleteItems({ ...request, received: context.elementsReceived });
      context.audit?.add({ items });
      return SUCCESS_REPLY;
    },
    async scheduledList(request, context) {
      return { items: await sendPage(await storage.scheduledPage(request), context, fromStoredItem) };
    },
  };
}
