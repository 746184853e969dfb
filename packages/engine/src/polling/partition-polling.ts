import type { PolledPartition, Poller, Polling } from './poller.ts';

/** The polls of one partition, on whichever storage it is. */
export class PartitionPolling implements Polling {
  readonly #partition: PolledPartition;
  #poller: Poller | undefined;
  #polling: Polling | undefined;
  #stopped = false;

  /** @param poller undefined: the storage is not configured. */
  constructor(poller: Poller | undefined, partition: PolledPartition) {
    this.#partition = partition;
    this.#poller = poller;
    this.#polling = poller?.add(partition);
  }

  /** Whether polls find deadlines that other processes set. */
  get findsDeadlines(): boolean {
    return this.#poller?.findsDeadlines === true;
  }

  /** The partition is on another storage from now on. */
  follow(poller: Poller | undefined): void {
    if (this.#stopped) return;
    this.#polling?.stop();
    this.#poller = poller;
    this.#polling = poller?.add(this.#partition);
  }

  publish(): void {
    this.#polling?.publish();
  }

  stop(): void {
    this.#stopped = true;
    this.#polling?.stop();
  }
}
