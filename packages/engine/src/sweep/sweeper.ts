import { type CancelTimer, milliseconds, type Queue, type SweepResult } from '@querator/core';
import type { LetterBoxes } from '../dead-letters/dead-letter.ts';
import { Burial } from '../dead-letters/dead-letter-mover.ts';
import { logDeleted } from '../dead-letters/log-deleted.ts';
import type { EngineDeps } from '../engine-options.ts';
import type { Lane } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';

/** Storage compares strictly and to the microsecond; a timer that fires on the dot would find nothing due. */
const MARGIN_MS = 2;

/** A sweep that storage has done. */
interface Swept {
  /** With the settings that it went by. */
  readonly queue: Queue;
  readonly result: SweepResult;
  /** When storage was asked, in the clock's milliseconds. */
  readonly askedAtMs: number;
}

/** How long `sweepBriefly` waits: a sweep and a move that fare well take a tenth of it. */
const BRIEFLY_MS = 100;

/**
 * Does what time demands of one partition: leases that run out, schedules that
 * come due, items that die. Sweeps when the partition is loaded, at the
 * earliest known deadline, and where nobody else looks for what other processes
 * left, at least every `idleMs`.
 */
export class Sweeper {
  readonly #deps: EngineDeps;
  readonly #lane: Lane;
  readonly #hooks: QueueHooks;
  readonly #burial: Burial;
  readonly #idleMs: number;
  #cancelTimer: CancelTimer | undefined;
  /** When the timer fires, in the clock's milliseconds; deadlines nearer than this re-arm it. */
  #firesAtMs = Number.POSITIVE_INFINITY;
  #running: Promise<void> | undefined;
  /** The sweep that begins when the one under way has ended. */
  #next: Promise<void> | undefined;
  #stopped = false;

  constructor(
    deps: EngineDeps,
    {
      lane,
      hooks,
      letterBoxes,
      idleMs,
    }: {
      readonly lane: Lane;
      readonly hooks: QueueHooks;
      readonly letterBoxes: LetterBoxes;
      /** The longest the partition goes without a sweep. */
      readonly idleMs: number;
    },
  ) {
    this.#deps = deps;
    this.#lane = lane;
    this.#hooks = hooks;
    this.#idleMs = idleMs;
    this.#burial = new Burial(deps, lane, hooks, letterBoxes);
  }

  /** Something comes due so many milliseconds from now. */
  dueIn(delayMs: number): void {
    if (this.#stopped) return;
    const nowMs = this.#nowMs();
    // A timer that is overdue stood still with the machine, and may do so for as long again.
    const isOverdue = this.#firesAtMs < nowMs;
    const firesAtMs = nowMs + Math.min(isOverdue ? 0 : Math.max(delayMs, 0) + MARGIN_MS, this.#idleMs);
    if (firesAtMs >= this.#firesAtMs && !isOverdue) return;
    this.#cancelTimer?.();
    this.#firesAtMs = firesAtMs;
    this.#cancelTimer = this.#deps.clock.startTimer(firesAtMs - nowMs, () => {
      this.#disarm();
      void this.sweep();
    });
  }

  /**
   * Sweeps now, or once more if a sweep is under way. Never rejects.
   *
   * @returns ends with the first sweep that begins after the call, however many
   *   others are asked for meanwhile.
   */
  sweep(): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return this.#begin();
    this.#next = this.#running.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  /**
   * Sweeps as `sweep` does, for a caller who gains by its end and must not
   * depend on it. Never rejects.
   *
   * @returns ends with the sweep, after {@link BRIEFLY_MS} at the latest, and at
   *   once where another sweep is under way or dead items cannot be moved.
   */
  async sweepBriefly(): Promise<void> {
    const isBusy = this.#running !== undefined || this.#burial.dueInMs !== undefined;
    const swept = this.sweep();
    if (isBusy) return;
    const { promise: timedOut, resolve } = Promise.withResolvers<void>();
    const cancel = this.#deps.clock.startTimer(BRIEFLY_MS, resolve);
    await Promise.race([swept, timedOut]);
    cancel();
  }

  /** Sweeps as `sweep` does, and tries again at once to move what could not be moved before. */
  async sweepAnew(): Promise<void> {
    this.#burial.hurry();
    await this.sweep();
  }

  /** Items of the partition were removed by hand. */
  itemsRemoved(): void {
    this.#burial.letGo();
  }

  /** Waits for a running sweep. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarm();
    await this.#running;
  }

  #begin(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    this.#running = this.#sweepOnce().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #sweepOnce(): Promise<void> {
    if (!this.#lane.healthy) return; // Recovery sweeps when the partition is back.
    const current = this.#hooks.untilCurrent();
    if (current !== undefined) return this.#putOff(current);
    await this.#burial.goOn();
    if (this.#stopped || !this.#lane.healthy) return;
    let swept: Swept | undefined;
    try {
      swept = await this.#lane.turns.sweep(() => this.#sweepStore());
    } catch (error) {
      if (!this.#stopped) this.#hooks.failed(this.#lane, error);
      return;
    }
    // The process slept while others had their turn.
    if (swept === undefined) return this.#putOff(this.#hooks.untilCurrent() ?? Promise.resolve(true));
    const { queue, result, askedAtMs } = swept;
    this.dueIn(result.nextDueMs ?? Number.POSITIVE_INFINITY);
    const { observer } = this.#deps;
    observer.items(queue.name, 'enqueued', result.enqueued);
    observer.items(queue.name, 'expired', result.requeued);
    observer.items(queue.name, 'deleted', result.deleted);
    const available = result.enqueued + result.requeued;
    if (available > 0) this.#hooks.stored(this.#lane, { waiting: available });
    if (result.deleted > 0) {
      const { partition } = this.#lane;
      logDeleted(this.#deps.logger, { queue: queue.name, partition, items: result.deleted });
    }
    await this.#burial.bury(result, askedAtMs);
    const tryAgainMs = this.#burial.dueInMs;
    if (tryAgainMs !== undefined) this.dueIn(tryAgainMs);
  }

  /** @returns nothing where the settings are in doubt. */
  async #sweepStore(): Promise<Swept | undefined> {
    if (this.#hooks.untilCurrent() !== undefined) return undefined;
    const queue = this.#hooks.queue();
    const askedAtMs = this.#nowMs();
    const result = await this.#lane.store.sweep({
      limit: this.#deps.limits.sweepItems,
      claimTimeout: milliseconds(this.#burial.claimMs),
      maxAttempts: queue.maxAttempts,
      dead: queue.deadQueue === '' ? 'delete' : 'move',
    });
    return { queue, result, askedAtMs };
  }

  #putOff(current: Promise<boolean>): void {
    void current.then((isKnown) => (isKnown ? this.sweep() : this.dueIn(this.#deps.limits.pollMs)));
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#firesAtMs = Number.POSITIVE_INFINITY;
  }

  #nowMs(): number {
    return Number(this.#deps.clock.now()) / 1_000;
  }
}
