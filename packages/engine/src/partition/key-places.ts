import type { Queue } from '@querator/core';
import { dedupSlot, partitionInSpread } from '@querator/router';
import { spreadOf } from './queue-spread.ts';

type SpreadQueue = Pick<Queue, 'partitions' | 'resizes'>;

/** The number of the last change of where dedup keys go; 0: there was none. */
export function keySpreadOf({ resizes }: SpreadQueue): number {
  return resizes?.keys?.number ?? 0;
}

/** How the dedup keys of a queue are spread; see `partitionInSpread`. */
export function keysSpread(queue: SpreadQueue): readonly number[] {
  const keys = queue.resizes?.keys;
  return keys === undefined ? spreadOf(queue) : [keys.partitions];
}

/** How many partitions take dedup keys: the first ones. */
export function keyPartitions(queue: SpreadQueue): number {
  return keysSpread(queue).at(-1) ?? queue.partitions.length;
}

/** The partition that stores a dedup key. */
export function partitionOfKey(queue: SpreadQueue, key: string): number {
  return partitionInSpread(dedupSlot(key), keysSpread(queue));
}

/** A partition that may hold a dedup key from before a change. */
export interface EarlierPlace {
  readonly partition: number;
  /** See core's `EarlierKeys`. */
  readonly endsAtMs: number;
}

/** The other partitions that may hold a dedup key. */
export function earlierPlaces(queue: SpreadQueue, key: string): readonly EarlierPlace[] {
  const earlier = queue.resizes?.keys?.earlier ?? [];
  if (earlier.length === 0) return [];
  const slot = dedupSlot(key);
  const now = partitionInSpread(slot, keysSpread(queue));
  const places = new Map<number, EarlierPlace>();
  for (const { spread, held } of earlier) {
    const partition = partitionInSpread(slot, spread);
    const place = held.find((each) => each.partition === partition);
    if (place === undefined || partition === now || partition >= queue.partitions.length) continue;
    const known = places.get(partition);
    if (known === undefined || known.endsAtMs < place.endsAtMs) places.set(partition, place);
  }
  return [...places.values()];
}
