import type { EarlierKeys, KeySpread, MoveStore, PartitionPlacement, Queue } from '@querator/core';
import { keyPartitions, keySpreadOf, keysSpread } from '../../partition/key-places.ts';

/** How long after their last key has ended earlier partitions are forgotten, at the next change: a day. */
const FORGET_MS = 24 * 60 * 60_000;

export interface KeyFencesDeps {
  /** Undefined: the storage is of a driver without moves. */
  readonly moveStore: (placement: PartitionPlacement) => MoveStore | undefined;
  /** In milliseconds since 1970. */
  readonly nowMs: number;
}

/** Whether the dedup keys of a queue can go to another number of partitions. */
export function canSpread(placements: readonly PartitionPlacement[], { moveStore }: KeyFencesDeps): boolean {
  return placements.every((placement) => moveStore(placement)?.fenceKeys !== undefined);
}

/** Puts the fence of the next change on a partition that takes no keys yet. */
export async function fenceNew(
  queue: Queue,
  placement: PartitionPlacement,
  { moveStore }: KeyFencesDeps,
): Promise<void> {
  await moveStore(placement)?.fenceKeys?.(keySpreadOf(queue) + 1);
}

/**
 * Puts the fence of the next change on all partitions of a queue. From then on, no process stores a key in a
 * partition that an earlier change has chosen. Servers wait until the record has what this returns.
 *
 * @param partitions how many of them are to take keys.
 */
export async function fenceAll(queue: Queue, partitions: number, deps: KeyFencesDeps): Promise<KeySpread> {
  const number = keySpreadOf(queue) + 1;
  const fenced = queue.partitions.map(async (placement) => {
    const keys = await deps.moveStore(placement)?.fenceKeys?.(number);
    return { partition: placement.partition, lastEndsAt: keys?.lastEndsAt };
  });
  const held = (await Promise.all(fenced)).flatMap(({ partition, lastEndsAt }) =>
    lastEndsAt === undefined || partition >= keyPartitions(queue)
      ? []
      : [{ partition, endsAtMs: Number(lastEndsAt / 1_000n) + 1 }],
  );
  const known = queue.resizes?.keys?.earlier ?? [];
  const earlier: EarlierKeys[] = [...known, { spread: keysSpread(queue), held }];
  return { number, partitions, earlier: earlier.filter((each) => mayHold(each, deps)) };
}

function mayHold({ held }: EarlierKeys, { nowMs }: KeyFencesDeps): boolean {
  return held.some(({ endsAtMs }) => endsAtMs > nowMs - FORGET_MS);
}

/** When the last dedup key of each partition ends that may hold keys of before a change, in ms since 1970. */
export function earlierEnds({ earlier }: Pick<KeySpread, 'earlier'>): ReadonlyMap<number, number> {
  const ends = new Map<number, number>();
  for (const { held } of earlier) {
    for (const { partition, endsAtMs } of held) {
      ends.set(partition, Math.max(ends.get(partition) ?? 0, endsAtMs));
    }
  }
  return ends;
}
