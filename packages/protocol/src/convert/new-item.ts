import type { NewItem } from '@querator/core';
import type { QueueProduceItem } from '../gen/querator/queue.ts';
import type { QueueProduceItem as QueueProduceItemV2 } from '../gen/querator/v2/produce.ts';
import { fromOptionalTimestamp, toTimestamp } from '../time/wire-time.ts';

/**
 * The item of a produce request. The payload is `bytes`, or the text in `utf8` if
 * `bytes` is empty.
 *
 * The payload is not copied. In a binary request it is a view on the request
 * body and keeps the whole body in memory. A driver that stores payloads in
 * memory must copy them.
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

/** The same for an item of a request under `/v2/`. */
export function toNewItemV2(item: QueueProduceItemV2): NewItem {
  const plain = toNewItem(item);
  return item.metadata.size === 0 ? plain : { ...plain, metadata: item.metadata };
}

/** The wire form of an item that a client produces. The payload is not copied. */
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

/** The same for a request under `/v2/`. */
export function fromNewItemV2(item: NewItem): Omit<QueueProduceItemV2, 'dedupKey'> {
  return { ...fromNewItem(item), metadata: new Map(item.metadata) };
}
