import type { Meter } from './meter.ts';
import { overStock } from './quota-error.ts';

/** The queues of a namespace, and their partitions. */
export interface QueueCounts {
  readonly queues: number;
  readonly partitions: number;
}

/**
 * Lets queues be created up to the limits of their namespace. In one process, the
 * creations in a namespace run one after the other, so that none exceeds them.
 * Creations at the same time in several processes may: by one queue for each further
 * process.
 */
export class QueueCreations {
  readonly #count: (namespace: string) => Promise<QueueCounts>;
  /** The last creation of each namespace that has not ended. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** @param count counts in storage. */
  constructor(count: (namespace: string) => Promise<QueueCounts>) {
    this.#count = count;
  }

  /**
   * Stores a queue.
   *
   * @param meters of those whose limits count.
   * @param partitions of the new queue.
   * @throws QuotaError if there are too many; whatever `store` throws.
   */
  async run<T>(
    namespace: string,
    {
      meters,
      partitions,
      store,
    }: {
      readonly meters: readonly Meter[];
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
          ['queues', 1],
          ['partitions', partitions],
        ] as const) {
          const most = limits[limit];
          const held = counts[limit];
          if (most !== undefined && held + more > most)
            throw overStock(limit, { subject, most }, { namespace, held });
        }
      }
      return store();
    });
  }

  #inTurn<T>(namespace: string, creation: () => Promise<T>): Promise<T> {
    const run = (this.#last.get(namespace) ?? Promise.resolve()).then(creation);
    const ended = run.then(
      () => {},
      () => {},
    );
    this.#last.set(namespace, ended);
    void ended.then(() => {
      if (this.#last.get(namespace) === ended) this.#last.delete(namespace);
    });
    return run;
  }
}
