import {
  type AuditStore,
  backgroundPauseMs,
  type CancelTimer,
  type Clock,
  type Duration,
  type Logger,
  millisecondsBetween,
  type Random,
} from '@querator/core';

/** The events that one statement removes. */
const BATCH = 1_000;
const INTERVAL_MS = 3_600_000;
/** The first run comes this long after the start, and a random time more: servers often start together. */
const FIRST_MS = 60_000;

export interface AuditPrunerDeps {
  readonly store: AuditStore;
  /** How long events are kept. */
  readonly keep: Duration;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Removes old audit events once an hour, in small parts. Every server does so, which is harmless. */
export class AuditPruner {
  readonly #deps: AuditPrunerDeps;
  #cancelNext: CancelTimer | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(deps: AuditPrunerDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#runAfter(FIRST_MS * (1 + this.#deps.random.fraction()));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelNext?.();
    await this.#running;
  }

  #runAfter(ms: number): void {
    if (this.#stopped) return;
    this.#cancelNext = this.#deps.clock.startTimer(ms, () => {
      this.#running = this.#run();
    });
  }

  /** Removes one part. The next one follows soon if there may be more. */
  async #run(): Promise<void> {
    const { store, keep, clock, logger } = this.#deps;
    const startedAt = clock.now();
    try {
      const removed = await store.prune(keep, BATCH);
      const tookMs = Math.max(millisecondsBetween(startedAt, clock.now()), 0);
      this.#runAfter(removed < BATCH ? INTERVAL_MS : backgroundPauseMs(tookMs));
    } catch (error) {
      logger.warn('old audit events could not be removed; it is tried again in an hour', { err: error });
      this.#runAfter(INTERVAL_MS);
    }
  }
}
