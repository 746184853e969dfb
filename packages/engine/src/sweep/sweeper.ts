import {
  type CancelTimer,
  milliseconds,
  type Queue,
  SharedRun,
  type SweepResult,
  within,
} from '@querator/core';
import type { DeadLetterTargets } from '../dead-letters/dead-letter.ts';
import { DeadLetterMover } from '../dead-letters/dead-letter-mover.ts';
import { logDeleted } from '../dead-letters/log-deleted.ts';
import type { EngineDeps } from '../engine-deps.ts';
import type { PartitionState } from '../partition/partition-state.ts';
import type { QueueHooks } from '../partition/queue-hooks.ts';

/** Storage compares strictly, to the microsecond. A timer that fires on time would find nothing due. */
const MARGIN_MS = 2;

/** How long `sweepBriefly` waits. A healthy sweep with its moves takes a tenth of it. */
const BRIEFLY_MS = 100;

interface Swept {
  /** The settings that the sweep used. */
  readonly queue: Queue;
  readonly result: SweepResult;
  /** When the sweep was sent, in the clock's milliseconds. */
  readonly askedAtMs: number;
}

export interface SweeperOptions {
  readonly partition: PartitionState;
  readonly hooks: QueueHooks;
  readonly deadLetters: DeadLetterTargets;
  /** The longest time without a sweep. */
  readonly idleMs: () => number;
}

/**
 * Handles what is due in one partition: ended leases, schedules, dead items.
 * Sweeps when the partition is loaded, at the earliest known deadline, and at
 * least every `idleMs`.
 */
export class Sweeper {
  readonly #deps: EngineDeps;
  readonly #partition: PartitionState;
  readonly #hooks: QueueHooks;
  readonly #mover: DeadLetterMover;
  readonly #idleMs: () => number;
  readonly #runs = new SharedRun(() => this.#sweepOnce());
  #cancelTimer: CancelTimer | undefined;
  /** When the timer fires, in the clock's milliseconds. An earlier deadline re-arms it. */
  #firesAtMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(deps: EngineDeps, { partition, hooks, deadLetters, idleMs }: SweeperOptions) {
    this.#deps = deps;
    this.#partition = partition;
    this.#hooks = hooks;
    this.#idleMs = idleMs;
    this.#mover = new DeadLetterMover(deps, partition, hooks, deadLetters);
  }

  /** A deadline is due in `delayMs` milliseconds. */
  dueIn(delayMs: number): void {
    if (this.#stopped) return;
    const nowMs = this.#nowMs();
    // An overdue timer stopped with the machine, and would run for the rest of its time.
    const isOverdue = this.#firesAtMs < nowMs;
    const firesAtMs = nowMs + Math.min(isOverdue ? 0 : Math.max(delayMs, 0) + MARGIN_MS, this.#idleMs());
    if (firesAtMs >= this.#firesAtMs && !isOverdue) return;
    this.#cancelTimer?.();
    this.#firesAtMs = firesAtMs;
    this.#cancelTimer = this.#deps.clock.startTimer(firesAtMs - nowMs, () => {
      this.#disarm();
      void this.sweep();
    });
  }

  /**
   * Sweeps now, or once more if a sweep runs.
   *
   * @returns resolves with the first sweep that begins after the call. Never rejects.
   */
  sweep(): Promise<void> {
    return this.#runs.start();
  }

  /**
   * Sweeps for a caller that gains from its end, but must not depend on it.
   *
   * @returns resolves with the sweep, after {@link BRIEFLY_MS} at the latest. At
   *   once if another sweep runs or dead items cannot be moved. Never rejects.
   */
  async sweepBriefly(): Promise<void> {
    const isBusy = !this.#runs.isIdle || this.#mover.dueInMs !== undefined;
    const swept = this.sweep();
    if (!isBusy) await within(this.#deps.clock, BRIEFLY_MS, swept);
  }

  /** Sweeps, and retries failed dead-letter moves without their back-off. */
  async sweepAnew(): Promise<void> {
    this.#mover.runNow();
    await this.sweep();
  }

  /** An operator removed items of the partition. */
  itemsRemoved(): void {
    this.#mover.forgetClaimed();
  }

  /** Ends the sweeps, and waits for a running one. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarm();
    await this.#runs.idle();
  }

  async #sweepOnce(): Promise<void> {
    // A failing partition is swept by `Recovery` when it is back.
    if (this.#stopped || !this.#partition.healthy) return;
    const current = this.#hooks.untilCurrent();
    if (current !== undefined) return this.#putOff(current);
    await this.#mover.resume();
    if (this.#stopped || !this.#partition.healthy) return;
    let swept: Swept | undefined;
    try {
      swept = await this.#partition.limited.sweep(() => this.#sweepStore());
    } catch (error) {
      if (!this.#stopped) this.#hooks.failed(this.#partition, error);
      return;
    }
    // The process was suspended while other queues had their turn.
    if (swept === undefined) return this.#putOff(this.#hooks.untilCurrent() ?? Promise.resolve(true));
    await this.#swept(swept);
  }

  /** Reports what a sweep did, and moves dead items. */
  async #swept({ queue, result, askedAtMs }: Swept): Promise<void> {
    this.dueIn(result.nextDueMs ?? Number.POSITIVE_INFINITY);
    const { observer } = this.#deps;
    observer.items(queue.name, 'enqueued', result.enqueued);
    observer.items(queue.name, 'expired', result.requeued);
    observer.items(queue.name, 'deleted', result.deleted);
    const available = result.enqueued + result.requeued;
    if (available > 0) this.#hooks.stored(this.#partition, { waiting: available });
    if (result.deleted > 0) {
      const where = { queue: queue.name, partition: this.#partition.number };
      logDeleted(this.#deps.logger, { ...where, items: result.deleted });
    }
    await this.#mover.moveDead(result, askedAtMs);
    const nextMoveMs = this.#mover.dueInMs;
    if (nextMoveMs !== undefined) this.dueIn(nextMoveMs);
  }

  /** @returns undefined if the settings are in doubt. */
  async #sweepStore(): Promise<Swept | undefined> {
    if (this.#hooks.untilCurrent() !== undefined) return undefined;
    const queue = this.#hooks.queue();
    const askedAtMs = this.#nowMs();
    const result = await this.#partition.store.sweep({
      limit: this.#deps.limits.sweepItems,
      claimTimeout: milliseconds(this.#mover.claimMs),
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
