import type { ItemId, QueueError } from '@querator/core';
import type { QueueProducedItem } from '../gen/querator/v2/produce.ts';

/** The answer to a produce request whose items are all stored. */
export function fromProducedItems({
  partition,
  ids,
}: {
  readonly partition: number;
  readonly ids: readonly ItemId[];
}): QueueProducedItem[] {
  return ids.map((id) => ({ id, partition, code: '', message: '', duplicate: false }));
}

/** The answer to a produce request with dedup keys, one for each item. An error of an item has a reason. */
export function fromKeyedItems(
  items: readonly (
    | { readonly id: ItemId; readonly partition: number; readonly duplicate: boolean }
    | { readonly error: QueueError }
  )[],
): QueueProducedItem[] {
  return items.map((item) => {
    if (!('error' in item)) return { ...item, code: '', message: '' };
    const { reason = '', message } = item.error;
    return { id: '', partition: 0, code: reason, message, duplicate: false };
  });
}
