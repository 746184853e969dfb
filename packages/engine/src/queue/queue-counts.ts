import { type Clock, millisecondsBetween, type PartitionStats, toMilliseconds, within } from '@querator/core';
import type { SampledKeys } from '../partition/key-limit.ts';
import type { PartitionCount } from '../partition/partition-counter.ts';
import type { ActivePartition } from './active-partition.ts';

/** What one partition holds, and its health. */
export interface ActivePartitionStats extends PartitionStats {
  readonly partition: number;
  /** Storage calls that failed in a row; 0: healthy. */
  readonly failures: number;
}

/** What the partitions of a queue hold. */
export interface PartitionCounts {
  readonly partitions: readonly ActivePartitionStats[];
  /** The age of the oldest count, in milliseconds; 0: all counts were made for this call. */
  readonly countAgeMs: number;
}

/** What a queue holds, over its partitions. */
export interface QueueDepth {
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
  /** The age of the oldest head of a partition, in milliseconds. */
  readonly headAgeMs: number;
  /** Partitions that could not be counted. */
  readonly uncounted: number;
  /** The age of the oldest count, in milliseconds. */
  readonly countAgeMs: number;
}

/** What is known of a partition, without asking its storage. */
export interface SampledPartition {
  readonly partition: number;
  readonly storageName: string;
  readonly inService: boolean;
  /** Storage calls that failed in a row; 0: healthy. */
  readonly failures: number;
  /** Undefined: it was not counted yet. */
  readonly count: PartitionCount | undefined;
  /** Undefined: the keys were not counted yet, or the storage has none. */
  readonly keys: SampledKeys | undefined;
}

/** How long a caller waits for the first count of a partition, in milliseconds. */
const FIRST_COUNT_MS = 100;

/** Sums the counts of a queue's partitions. */
export class QueueCounts {
  readonly #clock: Clock;
  readonly #partitions: readonly ActivePartition[];

  constructor(clock: Clock, partitions: readonly ActivePartition[]) {
    this.#clock = clock;
    this.#partitions = partitions;
  }

  /** @throws as `PartitionCounter.recent` for the first partition that cannot be counted. */
  async recent(): Promise<PartitionCounts> {
    const askedAt = this.#clock.now();
    const counted = await Promise.all(this.#partitions.map(({ counter }) => counter.recent()));
    const now = this.#clock.now();
    const ages = counted.map(({ countedAt }) =>
      countedAt >= askedAt ? 0 : millisecondsBetween(countedAt, now),
    );
    return {
      partitions: counted.map(({ countedAt, ...stats }, n) => {
        const { number, failures } = (this.#partitions[n] as ActivePartition).state;
        return { partition: number, failures, ...stats };
      }),
      countAgeMs: greatest(ages),
    };
  }

  /** The last counts, however old. Waits for first ones only, and for a moment. Further counts run in the background. */
  async sampled(): Promise<readonly SampledPartition[]> {
    const isUnknown = ({ counter, keys }: ActivePartition) =>
      [counter.sampled(), keys.isSupported ? keys.limit.sampled() : 'none'].includes(undefined);
    const unknown = this.#partitions.filter(isUnknown);
    if (unknown.length > 0) {
      const first = unknown.flatMap(({ counter, keys }) => [counter.idle(), keys.limit.idle()]);
      await within(this.#clock, FIRST_COUNT_MS, Promise.all(first));
    }
    return this.#partitions.map(({ state, counter, keys }) => ({
      partition: state.number,
      storageName: state.storageName,
      inService: state.healthy,
      failures: state.failures,
      count: counter.sampled(),
      keys: keys.isSupported ? keys.limit.sampled() : undefined,
    }));
  }

  /** Counts the partitions in service, however long that takes. Leaves out the others. */
  async depth(): Promise<QueueDepth> {
    const inService = this.#partitions.filter(({ state }) => state.healthy);
    const counted = await Promise.allSettled(inService.map(({ counter }) => counter.unhurried()));
    const all = counted.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const now = this.#clock.now();
    return {
      waiting: all.reduce((sum, { waiting }) => sum + waiting, 0),
      leased: all.reduce((sum, { leased }) => sum + leased, 0),
      scheduled: all.reduce((sum, { scheduled }) => sum + scheduled, 0),
      headAgeMs: greatest(all.map(({ headAge }) => toMilliseconds(headAge))),
      uncounted: this.#partitions.length - all.length,
      countAgeMs: greatest(all.map(({ countedAt }) => millisecondsBetween(countedAt, now))),
    };
  }
}

function greatest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
