import { invariant } from '@querator/core';

/** Dedup keys are spread over this many slots, and the slots over the partitions of a queue. */
export const DEDUP_SLOTS = 1_024;

/**
 * The slot of a dedup key: the same in every process and every version, since keys are
 * searched for only where they were stored. FNV-1a over the bytes of UTF-8, then the
 * last step of MurmurHash3, which spreads keys that differ in their last character.
 */
export function dedupSlot(key: string): number {
  let hash = 0x811c9dc5;
  for (const byte of bytesOf(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) & (DEDUP_SLOTS - 1);
}

/**
 * The partition of a slot. A queue has this map as long as its record has no other: a
 * resize has to record the map of before for the slots whose keys it has not moved.
 *
 * @param partitions the number of partitions, at least 1 and at most {@link DEDUP_SLOTS}.
 */
export function partitionOfSlot(slot: number, partitions: number): number {
  invariant(partitions >= 1, 'a queue has a partition');
  return slot % partitions;
}

const encoder = new TextEncoder();

function bytesOf(key: string): Uint8Array {
  return encoder.encode(key);
}
