import type { ItemId } from '@querator/core';
import type { QueueProducedItem } from '../gen/querator/v2/produce.ts';

/** The answer to a produce request whose items are all stored. */
export function fromProducedItems({
  partition,
  ids,
}: {
  readonly partition: number;
  readonly ids: readonly ItemId[];
}): QueueProducedItem[] {
  return ids.map((id) => ({ id, partition, code: '', message: '' }));
}
