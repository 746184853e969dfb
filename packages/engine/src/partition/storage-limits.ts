import { queueShutdown } from '@querator/core';
import { FairSemaphore } from '../waiting/fair-semaphore.ts';

/**
 * Calls of a kind that may run on one storage at a time, over all queues. A
 * queue may have 1,024 partitions and its storage ten connections. One call per
 * partition at once would leave no connection for requests of other queues.
 * Each kind has its own limit, so that slow counts do not delay sweeps.
 */
const CONCURRENCY = { probe: 2, count: 2, find: 2, sweep: 3, drop: 3 } as const;

type Kind = keyof typeof CONCURRENCY;

/** Runs calls that concern a whole partition within the limits of its storage, in turn with other queues. */
export type LimitedCalls = {
  readonly [kind in Kind]: <T>(call: () => Promise<T>) => Promise<T>;
} & {
  /** Calls that have not begun fail with QueueError `failed`. */
  readonly refuseWaiting: () => void;
};

/** The concurrency limits of one storage. */
export class StorageLimits {
  readonly #semaphores: Readonly<Record<Kind, FairSemaphore>> = {
    probe: new FairSemaphore(CONCURRENCY.probe),
    count: new FairSemaphore(CONCURRENCY.count),
    find: new FairSemaphore(CONCURRENCY.find),
    sweep: new FairSemaphore(CONCURRENCY.sweep),
    drop: new FairSemaphore(CONCURRENCY.drop),
  };

  /** The calls of one more queue. */
  forQueue(): LimitedCalls {
    const semaphores = this.#semaphores;
    const owner = {};
    return {
      probe: (call) => semaphores.probe.run(owner, call),
      count: (call) => semaphores.count.run(owner, call),
      find: (call) => semaphores.find.run(owner, call),
      sweep: (call) => semaphores.sweep.run(owner, call),
      drop: (call) => semaphores.drop.run(owner, call),
      refuseWaiting: () => {
        const error = queueShutdown();
        for (const semaphore of Object.values(semaphores)) semaphore.refuseWaiting(owner, error);
      },
    };
  }
}
