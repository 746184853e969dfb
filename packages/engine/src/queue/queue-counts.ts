import { type Clock, millisecondsBetween, type PartitionStats, toMilliseconds } from '@querator/core';
import type { PartitionUnit } from './active-partition.ts';

/** What one partition holds, and how its storage fares. */
export interface LanePartitionStats extends PartitionStats {
  readonly partition: number;
  readonly failures: number;
}

/** What the partitions of a queue hold. */
export interface PartitionCounts {
  readonly partitions: readonly LanePartitionStats[];
  /** How old the oldest of the counts is, in milliseconds; 0: all were made for this call. */
  readonly countAgeMs: number;
}

/** What a queue holds, over its partitions. */
export interface QueueDepth {
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
  /** The age of the oldest of the items that are next in line. */
  readonly headAgeMs: number;
  /** Partitions that could not be counted. */
  readonly uncounted: number;
  /** How old the oldest of the counts is, in milliseconds. */
  readonly countAgeMs: number;
}

/** Puts the counts of a queue's partitions together. */
export class QueueCounts {
  readonly #clock: Clock;
  readonly #units: readonly PartitionUnit[];

  constructor(clock: Clock, units: readonly PartitionUnit[]) {
    this.#clock = clock;
    this.#units = units;
  }

  /** @throws as `PartitionCounter.recent` for the first partition that cannot be counted. */
  async recent(): Promise<PartitionCounts> {
    const askedAt = this.#clock.now();
    const counted = await Promise.all(this.#units.map(({ counter }) => counter.recent()));
    const now = this.#clock.now();
    const ages = counted.map(({ countedAt }) =>
      countedAt >= askedAt ? 0 : millisecondsBetween(countedAt, now),
    );
    return {
      partitions: counted.map(({ countedAt, ...stats }, n) => {
        const { partition, failures } = (this.#units[n] as PartitionUnit).lane;
        return { partition, failures, ...stats };
      }),
      countAgeMs: greatest(ages),
    };
  }

  /** Counts the partitions that are in service, however long that takes; what others hold is left out. */
  async depth(): Promise<QueueDepth> {
    const inService = this.#units.filter(({ lane }) => lane.healthy);
    const counted = await Promise.allSettled(inService.map(({ counter }) => counter.unhurried()));
    const all = counted.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const now = this.#clock.now();
    return {
      waiting: all.reduce((sum, { waiting }) => sum + waiting, 0),
      leased: all.reduce((sum, { leased }) => sum + leased, 0),
      scheduled: all.reduce((sum, { scheduled }) => sum + scheduled, 0),
      headAgeMs: greatest(all.map(({ headAge }) => toMilliseconds(headAge))),
      uncounted: this.#units.length - all.length,
      countAgeMs: greatest(all.map(({ countedAt }) => millisecondsBetween(countedAt, now))),
    };
  }
}

function greatest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
