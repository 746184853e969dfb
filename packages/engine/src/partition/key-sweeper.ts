import { type CancelTimer, millisecondsBetween, RunningWork } from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import type { PartitionState } from './partition-state.ts';

/** The shortest time between two removals of ended keys, in milliseconds, if the first one left none. */
const INTERVAL_MS = 10_000;
/** The time before the next removal after one that failed, in milliseconds. */
const FAILED_MS = 60_000;
/**
 * The pause after a removal that left ended keys, in lengths of the removal. Keys that
 * are stored at full rate must not pile up. PostgreSQL removes a thousand in 50 ms on a
 * busy machine (measured), and stores a thousand in 30 ms.
 */
const PAUSE_FACTOR = 2;

export interface KeySweeperDeps {
  readonly engine: EngineDeps;
  readonly partition: PartitionState;
  readonly queueName: () => string;
  /** Called with the number of keys that were removed. */
  readonly removed: (keys: number) => void;
}

/**
 * Removes the dedup keys of one partition whose windows have ended, in small batches.
 * Nothing depends on it but the storage that they take. Without keys it does nothing.
 */
export class KeySweeper {
  readonly #deps: KeySweeperDeps;
  readonly #runs = new RunningWork();
  #cancelTimer: CancelTimer | undefined;
  /** When the timer fires, in the clock's milliseconds. */
  #firesAtMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(deps: KeySweeperDeps) {
    this.#deps = deps;
  }

  /** The window of a key ends in `delayMs` milliseconds, or one may have ended. */
  endsIn(delayMs: number): void {
    this.#arm(Math.max(delayMs, INTERVAL_MS));
  }

  /** Waits for a running removal. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#runs.idle();
  }

  #arm(delayMs: number): void {
    const { clock } = this.#deps.engine;
    const firesAtMs = Number(clock.now()) / 1_000 + delayMs;
    if (this.#stopped || firesAtMs >= this.#firesAtMs) return;
    this.#cancelTimer?.();
    this.#firesAtMs = firesAtMs;
    this.#cancelTimer = clock.startTimer(delayMs, () => {
      this.#firesAtMs = Number.POSITIVE_INFINITY;
      void this.#runs.run(() => this.#sweep());
    });
  }

  async #sweep(): Promise<void> {
    const { engine, partition, queueName, removed } = this.#deps;
    const { clock, limits, logger } = engine;
    if (!partition.healthy) return this.#arm(INTERVAL_MS);
    const start = clock.now();
    try {
      const swept = await partition.limited.sweep(async () => partition.store.sweepKeys?.(limits.sweepItems));
      if (swept === undefined) return;
      removed(swept.removed);
      const tookMs = millisecondsBetween(start, clock.now());
      if (swept.nextEndMs === 0) this.#arm(PAUSE_FACTOR * tookMs);
      else if (swept.nextEndMs !== undefined) this.endsIn(swept.nextEndMs);
    } catch (error) {
      if (this.#stopped) return;
      const where = { queue: queueName(), partition: partition.number, storage: partition.storageName };
      logger.warn('ended dedup keys were not removed', { ...where, err: error });
      this.#arm(FAILED_MS);
    }
  }
}
