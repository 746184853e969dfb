import type { ImportedItem, StoredItem } from '@querator/core';

/**
 * A dead item as its dead-letter queue is to hold it: fresh, but for its
 * content and for the id it died under, by which a second copy is recognised
 * (semantics.md, section 7).
 */
export function deadLetter({ id, encoding, kind, reference, payload }: StoredItem): ImportedItem {
  return {
    sourceId: id,
    isLeased: false,
    attempts: 0,
    maxAttempts: 0,
    encoding,
    kind,
    reference,
    payload,
  };
}

/**
 * Which of a dead-letter queue's partitions takes an item: always the same one
 * for the same id, since only within a partition is a second copy recognised.
 * The random tail of the id spreads them evenly.
 */
export function deadLetterPartition(sourceId: string, partitions: number): number {
  let hash = 0;
  for (let i = 0; i < sourceId.length; i++) hash = (Math.imul(hash, 31) + sourceId.charCodeAt(i)) >>> 0;
  return hash % partitions;
}
