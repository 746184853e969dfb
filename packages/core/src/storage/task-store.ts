import type { MakeAuditEvent } from '../audit/call-audit.ts';
import type { Duration } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';
import type { JsonValue, NewTask, Task, TaskCounts, TaskPosition, TaskState } from './task.ts';

/** A page of tasks, the newest first. */
export interface TaskListRequest {
  /** Only tasks of these namespaces. Undefined: of all. */
  readonly namespaces: readonly string[] | undefined;
  /** Only tasks of this kind. Undefined: of all. */
  readonly kind: string | undefined;
  /** Only tasks of this queue. Undefined: of all. */
  readonly queue: string | undefined;
  /** Only tasks in this state. Undefined: in any. */
  readonly state: TaskState | undefined;
  /** The page begins after this place. Undefined: with the newest task. */
  readonly after: TaskPosition | undefined;
  /** The most tasks of the page; at least 1. */
  readonly limit: number;
}

/** Asks for a task to work on. */
export interface TaskClaimRequest {
  /** The process that claims. */
  readonly owner: string;
  /** The kinds that it can run, each with the latest version that it knows. */
  readonly kinds: readonly { readonly kind: string; readonly version: number }[];
  /** How long the claim lasts from now. */
  readonly timeout: Duration;
}

/** The right of one process to work on a task. */
export interface TaskClaim {
  readonly id: string;
  readonly generation: number;
}

/** A task that the caller has claimed. */
export interface ClaimedTask {
  readonly task: Task;
  /** By the storage's clock. */
  readonly now: Instant;
}

/** The result of a step. What is absent stays as it is. */
export interface TaskChange {
  /** The new counts, not what is added to them. */
  readonly counts?: TaskCounts | undefined;
  /** At most `TASK_CHECKPOINT_BYTES`. */
  readonly checkpoint?: JsonValue | undefined;
  readonly faults?: number | undefined;
  /** Why the last step failed; null: it did not. */
  readonly error?: string | null | undefined;
  /**
   * Moves `resumeAt` on by this duration, from where it is, or from a second ago if
   * it is earlier. So a task keeps its rate over time, also at another process, and
   * does not make up for more than a second.
   */
  readonly pause?: Duration | undefined;
}

/** How a task ends. */
export interface TaskEnd extends Pick<TaskChange, 'counts' | 'checkpoint' | 'error'> {
  readonly state: Exclude<TaskState, 'running'>;
}

/**
 * Stores tasks. It lives beside the queues' settings.
 *
 * Contract of every driver, for all methods: calls may run concurrently, also from
 * several processes on the same storage. A call that only reads, and a claim, create
 * nothing and are cheap while no task was ever created. Each call settles within the
 * backend's time limits. A storage failure is a `StorageError`. All times are by the
 * storage's clock. Texts and JSON come back unchanged.
 *
 * A claim lasts until its time has passed, `release`, or the end of the task. `save`,
 * `end` and `release` have no effect for a process whose claim is not the last one:
 * another process works on the task, or it has ended.
 *
 * Ended tasks are kept for `TASK_RECORD_TIMEOUT`, and the last `TASK_RECORDS_MAX`
 * of them at most. After the timeout no call returns them; more than the last ones may
 * stay until the next task is created.
 */
export interface TaskStore {
  /**
   * Adds a running task, not claimed, with no counts and no checkpoint. If the id
   * exists, that task is returned as it is, so a creation may be repeated.
   *
   * @param audit as in `QueueStore`.
   * @throws QueueError `retry`: with the reason `over_limit` if `TASKS_RUNNING_MAX`
   *   tasks run, with `unavailable` if one with the same `exclusive` runs.
   */
  create(task: NewTask, audit?: MakeAuditEvent): Promise<Task>;

  /** The task with that id; undefined if there is none. */
  get(id: string): Promise<Task | undefined>;

  /** The namespaces of all tasks, in any order. */
  namespaces(): Promise<readonly string[]>;

  /** Reads one page. It has fewer tasks than `limit` only if no more follow. */
  list(request: TaskListRequest): Promise<readonly Task[]>;

  /**
   * Claims a running task that no process has claimed, and whose `resumeAt` has come:
   * the one that waited longest, counted from its creation, or the end of its last claim.
   *
   * @returns undefined if there is none.
   */
  claim(request: TaskClaimRequest): Promise<ClaimedTask | undefined>;

  /**
   * Stores the result of a step, and prolongs the claim to now plus `timeout`. Without
   * a change it only prolongs. May be repeated if its outcome is unknown.
   *
   * @returns the task as it is now; undefined if the claim is not the last one. Then the
   *   caller must stop.
   */
  save(claim: TaskClaim, change: TaskChange, timeout: Duration): Promise<ClaimedTask | undefined>;

  /**
   * Asks for the end of a task. It has no effect on one that has ended. The process
   * that works on the task, or claims it next, ends it.
   *
   * @param audit as in `QueueStore`.
   * @returns the task as it is now; undefined if there is none.
   */
  requestCancel(id: string, audit?: MakeAuditEvent): Promise<Task | undefined>;

  /** Ends a task. @returns the task; undefined if the claim is not the last one. */
  end(claim: TaskClaim, end: TaskEnd): Promise<Task | undefined>;

  /** Gives the claim back, so that another process can go on at once. */
  release(claim: TaskClaim): Promise<void>;
}
