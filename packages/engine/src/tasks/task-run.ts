import {
  type CancelTimer,
  type Clock,
  errorText,
  type JsonValue,
  type Logger,
  QueueError,
  TASK_CHECKPOINT_BYTES,
  type Task,
  type TaskCounts,
  type TaskEnd,
  verbatim,
} from '@querator/core';
import type { EngineObserver } from '../observer.ts';
import { backOffMs } from '../partition/back-off.ts';
import type { HeldTask } from './held-task.ts';
import { isOutage, isOverLimit, reasonOf } from './step-failure.ts';
import type { StepResult, TaskKind } from './task-kind.ts';
import { pauseAfter, stepItems } from './task-rate.ts';

/** A task fails after this many steps in a row that failed, storage failures not counted. */
const MOST_FAULTS = 5;

export interface TaskRunDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: EngineObserver;
  readonly kind: TaskKind;
  /** Runs a step when it is its turn among those of other tasks. */
  readonly inTurn: <T>(step: () => Promise<T>) => Promise<T>;
  /** Whether the task should be given back, so that others get a turn. Asked before each step. */
  readonly yields: () => boolean;
}

/** The work of this process on one task: runs its steps until it ends, is lost or given back. */
export class TaskRun {
  readonly #deps: TaskRunDeps;
  readonly #held: HeldTask;
  #stopping = false;
  /** Aborts the step that runs. */
  #step: AbortController | undefined;
  #wake: () => void = () => {};
  /** Storage failures in a row. */
  #outages = 0;

  constructor(deps: TaskRunDeps, held: HeldTask) {
    this.#deps = deps;
    this.#held = held;
  }

  /** Runs steps. Never rejects. */
  async run(): Promise<void> {
    try {
      while (!this.#stopping && !this.#held.lost && !this.#deps.yields()) {
        if (await this.#next()) return;
      }
    } catch (error) {
      this.#log('warn', 'work on a task was given up here; it goes on later', { err: error });
    }
    await this.#held.release();
  }

  /** Ends the step that runs early, and gives the task back. */
  stop(): void {
    this.#stopping = true;
    this.#held.hurry();
    this.changed();
  }

  /** The task is lost, or to be cancelled, or the process stops. */
  changed(): void {
    this.#step?.abort();
    this.#wake();
  }

  /** Runs one step. @returns whether the task has ended. */
  async #next(): Promise<boolean> {
    const held = this.#held;
    const { kind } = this.#deps;
    const isCancelled = held.task.cancelRequestedAt !== undefined;
    if (isCancelled && kind.undo === undefined) return this.#end({ state: 'cancelled' });
    if (!isCancelled && held.waitMs > 0) {
      const waitMs = held.waitMs;
      held.waitMs = 0;
      await this.#sleep(waitMs);
      return false;
    }
    const { task } = held;
    const controller = new AbortController();
    let result: StepResult;
    try {
      result = await this.#run(isCancelled ? 'undo' : 'step', controller);
    } catch (error) {
      return controller.signal.aborted ? false : this.#failed(error);
    }
    if (this.#outages > 0) this.#log('info', 'a task goes on');
    this.#outages = 0;
    return this.#stepped(task, result, isCancelled);
  }

  async #run(which: 'step' | 'undo', controller: AbortController): Promise<StepResult> {
    const { task } = this.#held;
    const { kind } = this.#deps;
    const { signal } = controller;
    this.#step = controller;
    try {
      const items = stepItems(task.dryRun ? undefined : task.rate);
      const result = await this.#deps.inTurn(() => {
        signal.throwIfAborted();
        const budget = { items, signal, stillHeld: () => this.#held.stillHeld() };
        const undone = which === 'undo' ? kind.undo?.(task, task.checkpoint, budget) : undefined;
        return undone ?? kind.step(task, task.checkpoint, budget);
      });
      checkSize(result.checkpoint);
      return result;
    } finally {
      this.#step = undefined;
    }
  }

  async #stepped(task: Task, result: StepResult, isCancelled: boolean): Promise<boolean> {
    const { observer } = this.#deps;
    const counts = plus(task, result);
    const { checkpoint, end } = result;
    observer.taskItems?.(task.kind, { done: result.done, failed: result.failed });
    if (end === undefined) {
      const byRate = task.dryRun ? undefined : pauseAfter(result.done + result.failed, task.rate);
      const error = result.remark ?? null;
      await this.#held.save({ counts, checkpoint, faults: 0, error, pause: result.pause ?? byRate });
      return false;
    }
    if (end !== 'done') return this.#end({ state: 'failed', error: end.error, counts, checkpoint });
    return this.#end({ state: isCancelled ? 'cancelled' : 'done', error: null, counts, checkpoint });
  }

  /** A step has failed. @returns whether the task has ended. */
  async #failed(error: unknown): Promise<boolean> {
    if (isOutage(error)) {
      const isFull = isOverLimit(error);
      const reason = reasonOf(error);
      if (this.#outages++ === 0) {
        this.#log('warn', isFull ? 'a task waits for room' : 'a task waits for storage', { err: error });
      }
      // Its operator has to see why it does not go on.
      if (error instanceof QueueError && this.#held.task.error !== reason)
        await this.#held.save({ error: reason });
      await this.#sleep(backOffMs(this.#outages - 1));
      return false;
    }
    const faults = this.#held.task.faults + 1;
    const reason = reasonOf(error);
    this.#log('error', 'a step of a task failed', { err: error, faults });
    if (faults >= MOST_FAULTS) return this.#end({ state: 'failed', error: reason });
    await this.#held.save({ faults, error: reason });
    await this.#sleep(backOffMs(faults));
    return false;
  }

  async #end(end: TaskEnd): Promise<boolean> {
    const ended = await this.#held.end(end);
    if (ended === undefined) return false;
    const { state, matched, done, failed, error } = ended;
    this.#deps.observer.taskEnded?.(ended.kind, state);
    this.#log('info', 'task ended', {
      state,
      matched,
      done,
      failed,
      ...(error === undefined ? {} : { error }),
    });
    return true;
  }

  #log(
    level: 'info' | 'warn' | 'error',
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    const { id, kind, queue } = this.#held.task;
    this.#deps.logger[level](message, { task: id, kind, queue, ...fields });
  }

  /** Waits, unless the task is lost, to be cancelled, or the process stops. */
  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel: CancelTimer = this.#deps.clock.startTimer(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

function plus(task: TaskCounts, { matched, done, failed }: TaskCounts): TaskCounts {
  return { matched: task.matched + matched, done: task.done + done, failed: task.failed + failed };
}

function checkSize(checkpoint: JsonValue): void {
  const { length } = JSON.stringify(checkpoint);
  if (length <= TASK_CHECKPOINT_BYTES) return;
  const text = errorText`the checkpoint of a step has ${length} characters; at most ${verbatim(String(TASK_CHECKPOINT_BYTES))} are kept`;
  throw new QueueError('internal', text);
}
