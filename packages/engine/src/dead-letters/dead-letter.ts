import type { DeadLetter, ItemId, StoredItem } from '@querator/core';

/** What became of a step that dead items take on their way. */
export interface Step {
  /** The ids of those that took it. */
  readonly ids: readonly ItemId[];
  /** Why others did not; absent: all of them did. */
  readonly error?: unknown;
  /** Of the others, those of which nobody knows whether they did, or still will. */
  readonly inDoubt: readonly ItemId[];
}

/** The dead-letter queues as seen by those who send to them. Each call rejects where the queue is not to be had. */
export interface LetterBoxes {
  /** Stores dead items, offered to nobody yet; those that are there already are left as they are. */
  readonly hold: (deadQueue: string, items: readonly StoredItem[]) => Promise<Step>;
  /** Makes prepared letters available, by the ids their items died under. */
  readonly deliver: (deadQueue: string, ids: readonly ItemId[]) => Promise<Step>;
  /** Takes prepared letters back. */
  readonly withdraw: (deadQueue: string, ids: readonly ItemId[]) => Promise<Step>;
}

/**
 * A dead item as its dead-letter queue is to hold it: fresh, but for its
 * content and for the id it died under, by which a second copy is recognised
 * (semantics.md, section 7).
 */
export function deadLetter({ id, encoding, kind, reference, payload }: StoredItem): DeadLetter {
  return { sourceId: id, encoding, kind, reference, payload };
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
