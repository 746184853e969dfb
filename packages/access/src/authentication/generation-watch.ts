import {
  type AccessStore,
  type CancelTimer,
  type Clock,
  type Logger,
  MESSAGES,
  SharedRun,
  type StorageSignals,
  unavailable,
} from '@querator/core';

/** The topic of changes to access. No queue can have a name with `~`. */
export const ACCESS_TOPIC = '~access';

/** The pause between two reads. A change is known everywhere within a second. */
const READ_MS = 700;
/** How long decisions hold after the last read that succeeded: its second, and three more. */
const HOLD_MS = 4_000;

export interface GenerationWatchDeps {
  readonly store: Pick<AccessStore, 'generation'>;
  readonly clock: Clock;
  /** Milliseconds that only grow, from any start. */
  readonly monotonicMs: () => number;
  readonly signals: StorageSignals | undefined;
  readonly logger: Logger;
  /** Runs when the generation has changed. */
  readonly changed: () => void;
}

/**
 * Knows the generation of the access store. Reads it all the time: at short
 * intervals, and at each signal. What is cached under another generation, or
 * while the generation cannot be read, is not valid.
 */
export class GenerationWatch {
  readonly #deps: GenerationWatchDeps;
  #generation = -1;
  /** When the last successful read began; negative infinity before the first one. */
  #readAtMs = Number.NEGATIVE_INFINITY;
  readonly #reads = new SharedRun(() => this.#readAndArm());
  /** Changes by this process. A read that began before one may have missed it. */
  #ownChanges = 0;
  #started = false;
  /** The error of the last read. Undefined: it succeeded. */
  #fault: unknown;
  #cancelTimer: CancelTimer | undefined;
  #unsubscribe: (() => void) | undefined;
  #stopped = false;

  constructor(deps: GenerationWatchDeps) {
    this.#deps = deps;
  }

  /** The present generation, as far as this process knows; -1 if what is cached must not be used. */
  get generation(): number {
    return this.#deps.monotonicMs() - this.#readAtMs <= HOLD_MS ? this.#generation : -1;
  }

  start(): void {
    this.#started = true;
    this.#unsubscribe = this.#deps.signals?.subscribe(ACCESS_TOPIC, () => this.readSoon());
    this.readSoon();
  }

  /** Ends the validity of everything cached, and notifies other processes: this one has changed the store. */
  changedHere(): void {
    this.#ownChanges++;
    this.#deps.signals?.publish(ACCESS_TOPIC);
    this.#readAtMs = Number.NEGATIVE_INFINITY;
    this.readSoon();
  }

  /** Reads at once, or right after the read that runs, which may have missed a change. */
  readSoon(): void {
    if (this.#started && !this.#stopped) void this.#reads.start();
  }

  /**
   * Waits until the generation is known.
   *
   * @throws QueueError `retry` if it cannot be read.
   */
  async known(): Promise<void> {
    if (this.generation >= 0) return;
    // A read that hangs after others have failed is not worth the wait.
    while (this.#fault === undefined && this.generation < 0 && !this.#reads.isIdle) await this.#reads.join();
    if (this.generation < 0) throw unavailable('retry', MESSAGES.storageFailed, this.#fault);
  }

  /** Takes over a generation that was read with other data. */
  observed(generation: number): void {
    if (generation > this.#generation) this.#set(generation);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe?.();
    this.#cancelTimer?.();
    await this.#reads.idle();
  }

  async #readAndArm(): Promise<void> {
    if (this.#stopped) return;
    this.#cancelTimer?.();
    await this.#read();
    if (!this.#stopped) this.#cancelTimer = this.#deps.clock.startTimer(READ_MS, () => this.readSoon());
  }

  async #read(): Promise<void> {
    const { store, monotonicMs, logger } = this.#deps;
    const startedMs = monotonicMs();
    const ownChanges = this.#ownChanges;
    try {
      const generation = await store.generation();
      if (ownChanges === this.#ownChanges) this.#readAtMs = startedMs;
      if (this.#fault !== undefined) logger.info('access control can be read again');
      this.#fault = undefined;
      if (generation !== this.#generation) this.#set(generation);
    } catch (error) {
      if (this.#fault === undefined && !this.#stopped)
        logger.warn('access control cannot be read', { err: error });
      this.#fault = error;
    }
  }

  #set(generation: number): void {
    const isFirst = this.#generation < 0;
    this.#generation = generation;
    if (!isFirst) this.#deps.changed();
  }
}
