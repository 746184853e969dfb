import {
  type CancelTimer,
  type Duration,
  milliseconds,
  RunningWork,
  type ScheduleStore,
  SharedRun,
  type StorageSignals,
} from '@querator/core';
import type { EngineDeps } from '../engine-deps.ts';
import { type FireItem, ScheduleFiring } from './schedule-firing.ts';
import type { TimeZones } from './time-zone.ts';

/** The topic of schedules that are due earlier than before. No queue can have a name with `~`. */
const SCHEDULES_TOPIC = '~schedules';

/**
 * How long another process leaves a claimed schedule alone. Longer than a firing takes.
 * After a kill the next process fires it then.
 */
const CLAIM: Duration = milliseconds(30_000);
/** The longest pause between two looks, in case a notification or another process was lost. */
const LONGEST_PAUSE_MS = 30_000;
/** The pause while another process is claiming a schedule. */
const CLAIMED_ELSEWHERE_MS = 1_000;
/** The pause after a failed look. */
const FAILED_PAUSE_MS = 5_000;
/** Schedules that one process fires at the same time. */
const MOST_FIRINGS = 64;

export interface ScheduleLoopDeps {
  readonly engine: EngineDeps;
  readonly store: ScheduleStore;
  /** Change notifications from the same storage. Undefined: there are none. */
  readonly signals: StorageSignals | undefined;
  readonly zones: TimeZones;
  readonly fireItem: FireItem;
}

/**
 * Fires the schedules that are due, one loop per process. It looks once in 30 s, when
 * the next schedule is due, and when a process has changed one. Any number of processes
 * may look at the same moment: storage lets one of them claim a schedule.
 */
export class ScheduleLoop {
  readonly #deps: ScheduleLoopDeps;
  readonly #firing: ScheduleFiring;
  readonly #looks = new SharedRun(() => this.#work.run(() => this.#look()));
  /** Looks and firings. */
  readonly #work = new RunningWork();
  #firings = 0;
  #started = false;
  #stopped = false;
  #isFailing = false;
  #unsubscribe: (() => void) | undefined;
  #cancelTimer: CancelTimer | undefined;

  constructor(deps: ScheduleLoopDeps) {
    this.#deps = deps;
    this.#firing = new ScheduleFiring({ ...deps, isStopping: () => this.#stopped });
  }

  /** Begins to look. Returns at once. A second call has no effect. */
  start(): void {
    if (this.#started || this.#stopped) return;
    this.#started = true;
    this.#unsubscribe = this.#deps.signals?.subscribe(SCHEDULES_TOPIC, () => this.#wake());
    this.#wake();
  }

  /** A schedule was changed by this process, and may be due earlier than before. */
  changed(): void {
    this.#deps.signals?.publish(SCHEDULES_TOPIC);
    this.#wake();
  }

  /** Looks no more, and waits for firings. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#unsubscribe?.();
    await this.#work.idle();
  }

  #wake(): void {
    if (this.#started && !this.#stopped) void this.#looks.start();
  }

  async #look(): Promise<void> {
    this.#cancelTimer?.();
    const room = MOST_FIRINGS - this.#firings;
    // The end of a firing wakes the loop.
    if (this.#stopped || room === 0) return;
    const { store, engine } = this.#deps;
    let pauseMs = FAILED_PAUSE_MS;
    try {
      const { claimed, nextMs = LONGEST_PAUSE_MS } = await store.claim({ limit: room, timeout: CLAIM });
      this.#isFailing = false;
      for (const each of claimed) this.#fire(() => this.#firing.run(each));
      pauseMs = nextMs > 0 ? Math.ceil(Math.min(nextMs, LONGEST_PAUSE_MS)) : CLAIMED_ELSEWHERE_MS;
    } catch (error) {
      if (!this.#isFailing) engine.logger.warn('due schedules cannot be read', { err: error });
      this.#isFailing = true;
    }
    if (this.#stopped) return;
    this.#cancelTimer = engine.clock.startTimer(pauseMs, () => this.#wake());
  }

  #fire(run: () => Promise<void>): void {
    this.#firings++;
    void this.#work.run(run).finally(() => {
      this.#firings--;
      this.#wake();
    });
  }
}
