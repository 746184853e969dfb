import {
  type CancelTimer,
  type ClaimedTask,
  type Clock,
  milliseconds,
  millisecondsBetween,
  type Task,
  type TaskChange,
  type TaskEnd,
  type TaskStore,
} from '@querator/core';
import { backOffMs } from '../partition/back-off.ts';
import { isOutage } from './step-failure.ts';

/** Without a word of its process for this long, another one may take a task over. */
const CLAIM_TIMEOUT = milliseconds(5_000);
/** A process that works on a task asks this often whether it still may, and whether the task is to be cancelled. */
const RENEWAL_MS = 800;

export interface HeldTaskDeps {
  readonly clock: Clock;
  readonly store: TaskStore;
}

/**
 * A task that this process has claimed. Renews the claim until it ends, and learns with
 * each call of the store whether the task is to be cancelled.
 */
export class HeldTask {
  readonly #deps: HeldTaskDeps;
  #task: Task;
  #lost = false;
  /** No more renewals. */
  #ended = false;
  /** Storage failures are no longer waited for. */
  #isBrief = false;
  #cancelRenewal: CancelTimer | undefined;
  /** The call of the store that runs. Calls run one at a time, in order. */
  #last: Promise<unknown> = Promise.resolve();
  #isRenewing = false;

  /** How long the next step must wait, from the claim or the last `save` on, to keep the rate of the task. */
  waitMs: number;

  /** Called when the task is lost or to be cancelled. */
  onChange: () => void = () => {};

  constructor(deps: HeldTaskDeps, { task, now }: ClaimedTask) {
    this.#deps = deps;
    this.#task = task;
    this.waitMs = waitOf({ task, now });
    this.#arm();
  }

  /** What a claim of a task asks for. */
  static readonly claimTimeout = CLAIM_TIMEOUT;

  get task(): Task {
    return this.#task;
  }

  /** Another process has taken over, or the task has ended without this one. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Stores the result of a step. Tries until storage has answered, or the task is lost. */
  save(change: TaskChange): Promise<void> {
    return this.#persist(async () => {
      const saved = await this.#save(change);
      this.#see(saved);
      if (saved !== undefined) this.waitMs = waitOf(saved);
    });
  }

  /** Ends the task. Tries until storage has answered. @returns the ended task; undefined if it was lost. */
  async end(end: TaskEnd): Promise<Task | undefined> {
    let ended: Task | undefined;
    await this.#persist(async () => {
      ended = await this.#deps.store.end(this.#task, end);
      this.#lost = ended === undefined;
    });
    this.#stop();
    return ended;
  }

  /** From now on calls of the store are tried once: the process stops. */
  hurry(): void {
    this.#isBrief = true;
  }

  /** Gives the claim back, if storage answers. */
  async release(): Promise<void> {
    this.#stop();
    await this.#last.catch(() => {});
    if (!this.#lost) await this.#deps.store.release(this.#task).catch(() => {});
  }

  /** Asks at once what has become of the task. Never rejects. */
  async renew(): Promise<void> {
    if (this.#ended || this.#lost || this.#isRenewing) return;
    this.#isRenewing = true;
    // While storage fails, the claim goes on until its time has passed.
    await this.#inOrder(async () => this.#see(await this.#save({}))).catch(() => {});
    this.#isRenewing = false;
    this.#arm();
  }

  /** Renews the claim. @returns whether this process still has the task. @throws StorageError */
  async stillHeld(): Promise<boolean> {
    if (!this.#lost) await this.#inOrder(async () => this.#see(await this.#save({})));
    return !this.#lost;
  }

  #save(change: TaskChange): Promise<ClaimedTask | undefined> {
    return this.#deps.store.save(this.#task, change, CLAIM_TIMEOUT);
  }

  #see(saved: ClaimedTask | undefined): void {
    const wasCancelled = this.#task.cancelRequestedAt !== undefined;
    if (saved === undefined) this.#lost = true;
    else this.#task = saved.task;
    if (this.#lost) this.#stop();
    if (this.#lost || (this.#task.cancelRequestedAt !== undefined && !wasCancelled)) this.onChange();
  }

  async #persist(call: () => Promise<void>): Promise<void> {
    for (let failures = 0; !this.#lost; failures++) {
      try {
        return await this.#inOrder(call);
      } catch (error) {
        if (this.#isBrief || !isOutage(error)) throw error;
        await new Promise<void>((resolve) => void this.#deps.clock.startTimer(backOffMs(failures), resolve));
      }
    }
  }

  #inOrder<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(call, call);
    this.#last = result.catch(() => {});
    return result;
  }

  #arm(): void {
    this.#cancelRenewal?.();
    if (this.#ended || this.#lost) return;
    this.#cancelRenewal = this.#deps.clock.startTimer(RENEWAL_MS, () => void this.renew());
  }

  #stop(): void {
    this.#ended = true;
    this.#cancelRenewal?.();
  }
}

function waitOf({ task, now }: ClaimedTask): number {
  return task.cancelRequestedAt === undefined ? Math.max(millisecondsBetween(now, task.resumeAt), 0) : 0;
}
