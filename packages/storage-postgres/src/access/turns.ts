import { type Clock, millisecondsBetween, StorageError } from '@querator/core';
import { Semaphore } from '../pool/semaphore.ts';

/**
 * Runs the changes of a process one at a time. The database would make them wait for
 * each other anyway, each on a connection that requests need.
 */
export class Turns {
  readonly #queue = new Semaphore(() => 1);
  readonly #deps: { readonly storage: string; readonly clock: Clock; readonly waitMs: number };

  /** @param deps `waitMs`: the longest wait for a turn, after which a change fails. */
  constructor(deps: { readonly storage: string; readonly clock: Clock; readonly waitMs: number }) {
    this.#deps = deps;
  }

  /** @throws StorageError when earlier changes took too long; whatever `change` throws. */
  take<T>(change: () => Promise<T>): Promise<T> {
    const { storage, clock, waitMs } = this.#deps;
    const start = clock.now();
    return this.#queue.run(async () => {
      if (millisecondsBetween(start, clock.now()) <= waitMs) return change();
      throw new StorageError(`storage '${storage}': other changes of access took more than ${waitMs} ms`, {
        outcome: 'not-applied',
      });
    });
  }
}
