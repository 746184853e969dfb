import type { Duration, ItemFilter, JsonValue, Permission, Queue, Task, TaskCounts } from '@querator/core';

/** What the creator of a task asks for. A kind refuses what it does not know. */
export interface TaskCall {
  /** The queue whose items it takes. Empty: none. */
  readonly queueName: string;
  /** Which items. Undefined: all. */
  readonly filter?: ItemFilter | undefined;
  /** The queue that gets the items. Empty: none. */
  readonly to: string;
  /** The partition that moves. Undefined: 0. */
  readonly partition?: number | undefined;
  /** The storage that it moves to. Undefined or empty: none. */
  readonly storageName?: string | undefined;
  /** The number of partitions that the queue is to have. Undefined: 0. */
  readonly partitions?: number | undefined;
  /** Items of partitions that the queue loses move to the others. Undefined: consumers take them. */
  readonly move?: boolean | undefined;
  /** Move it also to a storage that is not durable. */
  readonly force?: boolean | undefined;
  /** The most partitions that move at the same time. Undefined or 0: the kind chooses. */
  readonly atOnce?: number | undefined;
}

/** The fields of a call that only some kinds take. */
export type OwnField = 'partition' | 'storageName' | 'force' | 'atOnce' | 'partitions';

/**
 * The queue of that name as it is stored now, if the creator has the permission on it.
 * The permission is written down: who cancels the task needs it too.
 *
 * @param where it takes the permission in the queue's namespace, or in the system namespace. Default: `namespace`.
 *
 * @throws QueueError `forbidden`; `invalid` if there is no such queue.
 */
export type JudgeQueue = (
  permission: Permission,
  queueName: string,
  where?: 'namespace' | 'system',
) => Promise<Queue>;

/** Writes down that the creator needs the permission in the system namespace. @throws QueueError `forbidden`. */
export type JudgeServer = (permission: Permission) => void;

/** A task that may be stored. */
export interface PreparedTask {
  /** The queue whose items it takes. Its namespace may see the task. Undefined: none. */
  readonly queue: Queue | undefined;
  readonly parameters: JsonValue;
  /** The first version of the kind that knows all of the parameters. Undefined: the kind's. */
  readonly version?: number | undefined;
  /** How many partitions it adds to the queue, which limits of the namespace judge. Undefined: none. */
  readonly addsPartitions?: number | undefined;
  /** Of the tasks with the same text, only one can run. Undefined: as `TaskKind.structural` says. */
  readonly exclusive?: string | undefined;
}

/** Of the tasks that change the structure of a queue, one runs at a time: the text that they share. */
export function exclusiveOn(queueName: string): string {
  return `queue ${queueName}`;
}

/** A partition that a task moves, wants to move, or cannot move. */
export interface TaskMove {
  readonly queue: string;
  readonly partition: number;
  readonly from: string;
  readonly to: string;
  /** Its items when they were counted. Undefined: they were not. */
  readonly items?: number | undefined;
  /** The task of the move. Undefined: it does not run. */
  readonly task?: string | undefined;
  /** Why it does not move. Undefined: nothing prevents it. */
  readonly error?: string | undefined;
}

/** Which items a task takes, and which queue gets them. */
export interface AskedItems {
  readonly filter: ItemFilter;
  /** Undefined: none, or where each item came from. */
  readonly to: string | undefined;
}

/** How much one step of a task may do. */
export interface StepBudget {
  /** The most items that the step may handle; at least 1. */
  readonly items: number;
  /**
   * Aborted when the step should end soon: the process stops, the task is to be
   * cancelled, or another process has taken over. A step that takes long looks at it.
   */
  readonly signal: AbortSignal;
  /**
   * Renews the claim of this process. If the answer is yes, no other process works on the
   * task until the time of a claim has passed, from the moment of the question on.
   *
   * @throws StorageError
   */
  readonly stillHeld: () => Promise<boolean>;
}

/** What a step has done. The counts are added to those of the task. */
export interface StepResult extends TaskCounts {
  /** Where the next step begins. At most `TASK_CHECKPOINT_BYTES` of JSON. */
  readonly checkpoint: JsonValue;
  /** The task has ended: done, or failed with an error for its operator. Undefined: it goes on. */
  readonly end?: 'done' | { readonly error: string } | undefined;
  /** How long the next step waits. Undefined: as long as the rate of the task asks for. */
  readonly pause?: Duration | undefined;
  /** For its operator: what holds the task back. Undefined: nothing. */
  readonly remark?: string | undefined;
}

/** A kind of task that this process can run. */
export interface TaskKind {
  /** Its name in the API. */
  readonly kind: string;
  /** The latest version of parameters and checkpoints that it knows. It also runs tasks of the versions before. */
  readonly version: number;
  /** Whether it changes the structure of a queue: of such tasks a queue has only one at a time. */
  readonly structural: boolean;
  /** The fields of a call that it takes besides those that every kind takes. Undefined: none. */
  readonly takes?: readonly OwnField[] | undefined;
  /** What every process on the storage must know before such a task can be created; see `Instances`. Undefined: nothing. */
  readonly capability?: string | undefined;
  /**
   * Checks the request for a task, and judges its creator.
   *
   * @throws QueueError `invalid`, and what `judge` throws; StorageError.
   */
  prepare(call: TaskCall, judge: JudgeQueue, judgeServer: JudgeServer): Promise<PreparedTask>;
  /**
   * What the creator of a task asked for. Undefined: it takes no items, or this kind takes none.
   *
   * @param task of this version or one before.
   */
  askedFor?(task: Pick<Task, 'parameters' | 'queue'>): AskedItems | undefined;
  /** The partitions that a task moves. Undefined: this kind moves none, or only one. @param task of this version. */
  movesOf?(task: Task): readonly TaskMove[];
  /**
   * One step of a task: handles some items, and says how far it has come.
   *
   * A step may be repeated with the same checkpoint, also while an earlier run of it
   * still goes on at another process: the process may die, or be suspended, before its
   * result is stored. So a step must do no harm if part of it, or all, was done before.
   *
   * It throws StorageError, or a QueueError `retry` or `unavailable`, if it cannot go on
   * at the moment: the runner repeats it with growing pauses, for as long as that lasts.
   * Any other error counts as a fault: after several in a row the task fails.
   *
   * @param checkpoint that of the last result. Undefined: this is the first step.
   */
  step(task: Task, checkpoint: JsonValue | undefined, budget: StepBudget): Promise<StepResult>;
  /**
   * Called instead of `step` once the task is to be cancelled, until it ends the task:
   * undoes what earlier steps have begun. Undefined: there is nothing to undo.
   */
  undo?(task: Task, checkpoint: JsonValue | undefined, budget: StepBudget): Promise<StepResult>;
}
