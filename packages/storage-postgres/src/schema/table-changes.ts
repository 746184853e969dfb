import { type Clock, millisecondsBetween } from '@querator/core';
import { Semaphore } from '../pool/semaphore.ts';

interface TableChangesDeps {
  readonly clock: Clock;
  /** Whether other statements of the pool are in flight. */
  readonly isBusy: () => boolean;
  /** The length of a pause, in lengths of the change before it. */
  readonly pauseFactor: number;
}

/**
 * Creates or drops tables one at a time. PostgreSQL spends 10 to 20 ms of CPU on each.
 * So 1,024 in a row would occupy a core that the active queues need. While the pool is
 * busy, each change is followed by a pause.
 */
export class TableChanges {
  readonly #deps: TableChangesDeps;
  readonly #slots = new Semaphore(() => 1);

  constructor(deps: TableChangesDeps) {
    this.#deps = deps;
  }

  /** Runs `change` when its turn has come. Its caller does not wait for the pause. */
  run<T>(change: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      void this.#slots.run(async () => {
        const { clock, isBusy, pauseFactor } = this.#deps;
        const start = clock.now();
        await change().then(resolve, reject);
        if (isBusy()) await this.#pause(pauseFactor * millisecondsBetween(start, clock.now()));
      });
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#deps.clock.startTimer(ms, resolve));
  }
}
