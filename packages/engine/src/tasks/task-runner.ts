import {
  type CancelTimer,
  type Clock,
  type Logger,
  RunningWork,
  RunOnce,
  SharedRun,
  type StorageSignals,
  type TaskStore,
} from '@querator/core';
import type { EngineObserver } from '../observer.ts';
import { FairSemaphore } from '../waiting/fair-semaphore.ts';
import { HeldTask } from './held-task.ts';
import type { TaskKind } from './task-kind.ts';
import { TaskRun } from './task-run.ts';

/** The topic of tasks that were created or are to be cancelled. No queue can have a name with `~`. */
const TASKS_TOPIC = '~tasks';

/** The tasks that a process works on at a time. */
const MOST_TASKS = 16;
/** The steps that run at a time, so that tasks leave most of the storage to requests. */
const MOST_STEPS = 3;
/** A process that has as many tasks as it may gives one back after this time. */
const TURN_MS = 10_000;
/** How often a process looks for a task. */
const LOOK_MS = 1_000;
/** The same while it receives notifications: then a look finds only tasks of processes that died. */
const LOOK_NOTIFIED_MS = 3_000;
/** The longest pause between looks while storage fails. */
const LONGEST_PAUSE_MS = 30_000;

export interface TaskRunnerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: EngineObserver;
  readonly store: TaskStore;
  /** Change notifications from the same storage. Undefined: there are none. */
  readonly signals: StorageSignals | undefined;
  /** Names this process in the claims. */
  readonly owner: string;
  readonly kinds: ReadonlyMap<string, TaskKind>;
}

/**
 * Works on tasks in this process: looks for those that no process works on, claims them
 * and runs their steps. Any number of processes do so on the same storage.
 */
export class TaskRunner {
  readonly #deps: TaskRunnerDeps;
  readonly #steps = new FairSemaphore(MOST_STEPS);
  readonly #looks = new SharedRun(() => this.#lookAndArm());
  readonly #runs = new Map<TaskRun, HeldTask>();
  readonly #work = new RunningWork();
  readonly #stopping = new RunOnce(() => this.#stop());
  #unsubscribe: (() => void) | undefined;
  #cancelTimer: CancelTimer | undefined;
  #started = false;
  /** Looks in a row that failed. */
  #failures = 0;

  constructor(deps: TaskRunnerDeps) {
    this.#deps = deps;
  }

  /** Begins to look for tasks. A second call has no effect. */
  start(): void {
    if (this.#started || this.#stopping.hasBegun) return;
    this.#started = true;
    this.#unsubscribe = this.#deps.signals?.subscribe(TASKS_TOPIC, () => this.#look());
    void this.#looks.start();
  }

  /** A task was created or is to be cancelled: looks at once, here and in the other processes. */
  wake(): void {
    this.#deps.signals?.publish(TASKS_TOPIC);
    this.#look();
  }

  /** The number of tasks that this process works on, by kind. */
  running(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { task } of this.#runs.values()) counts.set(task.kind, (counts.get(task.kind) ?? 0) + 1);
    return counts;
  }

  /** Ends the steps that run early, and gives all tasks back. A second call joins the first. */
  stop(): Promise<void> {
    return this.#stopping.run();
  }

  #look(): void {
    if (!this.#started || this.#stopping.hasBegun) return;
    for (const held of this.#runs.values()) void held.renew();
    void this.#looks.start();
  }

  async #lookAndArm(): Promise<void> {
    if (this.#stopping.hasBegun) return;
    this.#cancelTimer?.();
    await this.#claimAll();
    if (this.#stopping.hasBegun) return;
    const { clock, signals } = this.#deps;
    const lookMs = signals?.listening === true ? LOOK_NOTIFIED_MS : LOOK_MS;
    const pauseMs = Math.min(lookMs * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#cancelTimer = clock.startTimer(pauseMs, () => void this.#looks.start());
  }

  async #claimAll(): Promise<void> {
    const { store, owner, kinds, logger } = this.#deps;
    const known = [...kinds.values()].map(({ kind, version }) => ({ kind, version }));
    try {
      while (this.#runs.size < MOST_TASKS && !this.#stopping.hasBegun) {
        const claimed = await store.claim({ owner, kinds: known, timeout: HeldTask.claimTimeout });
        if (this.#failures > 0) logger.info('tasks can be read again');
        this.#failures = 0;
        if (claimed === undefined) break;
        const kind = kinds.get(claimed.task.kind);
        if (kind === undefined) break;
        this.#begin(kind, new HeldTask(this.#deps, claimed));
      }
    } catch (error) {
      if (this.#failures++ === 0) logger.warn('tasks cannot be read', { err: error });
    }
  }

  #begin(kind: TaskKind, held: HeldTask): void {
    const { clock, logger, observer } = this.#deps;
    const { id, queue, generation } = held.task;
    logger.info(generation === 1 ? 'task begins' : 'task goes on here', { task: id, kind: kind.kind, queue });
    let hadItsTurn = false;
    const cancelTurn = clock.startTimer(TURN_MS, () => {
      hadItsTurn = true;
    });
    const run = new TaskRun(
      {
        ...{ clock, logger, observer, kind },
        inTurn: (step) => this.#steps.run(held, step),
        yields: () => hadItsTurn && this.#runs.size >= MOST_TASKS,
      },
      held,
    );
    held.onChange = () => run.changed();
    this.#runs.set(run, held);
    void this.#work.run(async () => {
      await run.run();
      cancelTurn();
      // Others may wait for a place.
      const wasFull = this.#runs.size >= MOST_TASKS;
      this.#runs.delete(run);
      if (wasFull) this.#look();
    });
  }

  async #stop(): Promise<void> {
    this.#cancelTimer?.();
    this.#unsubscribe?.();
    for (const run of this.#runs.keys()) run.stop();
    await this.#looks.idle();
    // A look that was under way may have claimed one more.
    for (const run of this.#runs.keys()) run.stop();
    await this.#work.idle();
  }
}
