import { type Clock, storageTooSlow, within } from '@querator/core';
import type { Meter } from './meter.ts';
import { overStock } from './quota-error.ts';

/** The queues of a namespace, and their partitions. */
export interface QueueCounts {
  readonly queues: number;
  readonly partitions: number;
}

/**
 * How long a creation waits for earlier ones of its namespace, in milliseconds. Each takes
 * long while storage is down.
 */
const MOST_WAIT_MS = 10_000;

/**
 * Lets queues be created up to the limits of their namespace. In one process, the
 * creations in a namespace run one after the other, so that none exceeds them.
 * Creations at the same time in several processes may: by one queue for each further
 * process.
 */
export class QueueCreations {
  readonly #count: (namespace: string) => Promise<QueueCounts>;
  /** The last creation of each namespace that has not ended. */
  readonly #last = new Map<string, Promise<void>>();
  readonly #clock: Clock;

  /** @param count counts in storage. */
  constructor(count: (namespace: string) => Promise<QueueCounts>, clock: Clock) {
    this.#count = count;
    this.#clock = clock;
  }

  /**
   * Stores a queue, or further partitions of one.
   *
   * @param meters of those whose limits count.
   * @param queues how many are new.
   * @param partitions how many are new.
   * @throws QuotaError if there are too many; QueueError `retry` if earlier creations do
   *   not end in time; whatever `store` throws.
   */
  async run<T>(
    namespace: string,
    {
      meters,
      queues,
      partitions,
      store,
    }: {
      readonly meters: readonly Meter[];
      readonly queues: number;
      readonly partitions: number;
      readonly store: () => Promise<T>;
    },
  ): Promise<T> {
    const limited = meters.filter(({ limits }) => (limits.queues ?? limits.partitions) !== undefined);
    if (limited.length === 0) return store();
    return this.#inTurn(namespace, async () => {
      const counts = await this.#count(namespace);
      for (const { subject, limits } of limited) {
        for (const [limit, more] of [
          ['queues', queues],
          ['partitions', partitions],
        ] as const) {
          const most = limits[limit];
          const held = counts[limit];
          if (most !== undefined && more > 0 && held + more > most)
            throw overStock(limit, { subject, most }, { namespace, held });
        }
      }
      return store();
    });
  }

  async #inTurn<T>(namespace: string, creation: () => Promise<T>): Promise<T> {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const earlier = Promise.all([this.#last.get(namespace)]);
    this.#last.set(namespace, done);
    try {
      const inTime = await within(this.#clock, MOST_WAIT_MS, earlier);
      if (inTime === undefined) {
        throw storageTooSlow('earlier creations of queues in the namespace did not end in time');
      }
      return await creation();
    } finally {
      // Later creations wait for the earlier ones even after this one timed out.
      void earlier.then(() => {
        if (this.#last.get(namespace) === done) this.#last.delete(namespace);
        resolve();
      });
    }
  }
}
