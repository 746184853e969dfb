import type { NewItem } from '@querator/core';
import type { QueueProduceItem } from '../gen/querator/queue.ts';
import { fromOptionalTimestamp, toTimestamp } from '../wire-time.ts';

/**
 * An item to be produced. `bytes` is the payload unless it is empty, then the
 * text in `utf8` is.
 *
 * The payload is not copied. From a binary request it is a view on the request
 * body, which it keeps alive as a whole: a driver that keeps payloads in
 * memory copies them; one that writes them out needs not.
 */
export function toNewItem(item: QueueProduceItem): NewItem {
  return {
    encoding: item.encoding,
    kind: item.kind,
    reference: item.reference,
    payload: item.bytes.length === 0 && item.utf8 !== '' ? Buffer.from(item.utf8) : item.bytes,
    enqueueAt: fromOptionalTimestamp(item.enqueueAt),
  };
}

/** The wire form of an item a client produces. The payload is not copied. */
export function fromNewItem(item: NewItem): QueueProduceItem {
  return {
    encoding: item.encoding,
    kind: item.kind,
    reference: item.reference,
    enqueueAt: item.enqueueAt === undefined ? undefined : toTimestamp(item.enqueueAt),
    bytes: item.payload,
    utf8: '',
  };
}
