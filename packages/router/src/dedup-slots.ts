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
 * The partition that takes something with a hash, such as the slot of a dedup key: the same one as
 * long as the queue's record has this spread, whatever partitions the queue gets later.
 *
 * @param hash a whole number, 0 or greater.
 * @param spread numbers of partitions, in descending order. The first one is divided by; what a partition
 *   from one of the others on had went to those before it.
 */
export function partitionInSpread(hash: number, spread: readonly number[]): number {
  const [all, ...fewer] = spread;
  invariant(all !== undefined && all >= 1, 'a queue has a partition');
  let partition = hash % all;
  for (const remaining of fewer) {
    if (partition >= remaining) partition = (Math.floor(hash / all) + partition) % remaining;
  }
  return partition;
}

const encoder = new TextEncoder();

function bytesOf(key: string): Uint8Array {
  return encoder.encode(key);
}
