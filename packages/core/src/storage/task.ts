import type { Permission } from '../auth/permission.ts';
import { type Duration, milliseconds } from '../time/duration.ts';
import type { Instant } from '../time/instant.ts';

/** The most tasks that run at the same time on one storage. */
export const TASKS_RUNNING_MAX = 1_000;
/** The most ended tasks that are kept: the last ones. */
export const TASK_RECORDS_MAX = 10_000;
/** How long an ended task is kept: 7 days. */
export const TASK_RECORD_TIMEOUT: Duration = milliseconds(7 * 24 * 60 * 60_000);
/** The most bytes of a task's parameters, as JSON in ASCII. */
export const TASK_PARAMETERS_BYTES = 65_536;
/** The most bytes of a task's checkpoint, as JSON in ASCII. */
export const TASK_CHECKPOINT_BYTES = 65_536;

/** A value that JSON can hold. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** How far a task has come. */
export const TASK_STATES = ['running', 'done', 'cancelled', 'failed'] as const;

/** One of {@link TASK_STATES}. */
export type TaskState = (typeof TASK_STATES)[number];

/** A permission that the creator of a task needed. */
export interface TaskNeed {
  readonly permission: Permission;
  readonly namespace: string;
}

/** What a task has done so far, in items. */
export interface TaskCounts {
  /** Found, and meant by the task. */
  readonly matched: number;
  /** Handled as the task says. */
  readonly done: number;
  /** Could not be handled, and stay as they were. */
  readonly failed: number;
}

/** Work on many items that is stored, so that any process can go on with it. */
export interface NewTask {
  /** Random, chosen by the caller. A repeated creation with the same id adds nothing. */
  readonly id: string;
  /** What is done, such as `delete`. */
  readonly kind: string;
  /** The version of `parameters` and `checkpoint`. A process leaves alone tasks of versions that it does not know. */
  readonly version: number;
  /** What the kind needs to know. At most {@link TASK_PARAMETERS_BYTES}. */
  readonly parameters: JsonValue;
  /** The queue whose items it takes. Empty: the task concerns no single queue. */
  readonly queue: string;
  /** The namespace whose members may see the task. */
  readonly namespace: string;
  /** Of the tasks with the same text, only one can run. Undefined: any number. */
  readonly exclusive: string | undefined;
  /** The permissions that it took to create the task. */
  readonly needs: readonly TaskNeed[];
  /** The name of the user. */
  readonly createdBy: string;
  /** Items a second for the whole task. Undefined: no limit. */
  readonly rate: number | undefined;
  /** Only counts what it would do. */
  readonly dryRun: boolean;
}

/** A task as stored. All times are by the storage's clock. */
export interface Task extends NewTask, TaskCounts {
  readonly state: TaskState;
  readonly createdAt: Instant;
  /** When a process first claimed it. */
  readonly startedAt: Instant | undefined;
  readonly endedAt: Instant | undefined;
  /** When somebody asked to cancel it. A running task ends soon after. */
  readonly cancelRequestedAt: Instant | undefined;
  /** Why it failed; of a running one, why its last step failed. */
  readonly error: string | undefined;
  /** Where the next step begins. Undefined: at the beginning. */
  readonly checkpoint: JsonValue | undefined;
  /** How many steps have failed in a row. */
  readonly faults: number;
  /** The next step may not begin before. */
  readonly resumeAt: Instant;
  /** The process that works on it, or did so last. */
  readonly owner: string | undefined;
  /** Raised by each claim. */
  readonly generation: number;
  /** Until then no other process may claim it. Undefined: it is not claimed. */
  readonly claimedUntil: Instant | undefined;
}

/** The place of a task in the order of a list. */
export type TaskPosition = Pick<Task, 'createdAt' | 'id'>;
