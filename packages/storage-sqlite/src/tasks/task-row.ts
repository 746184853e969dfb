import type { JsonValue, Task } from '@querator/core';
import type { Connection } from '../file/connection.ts';
import { readExact, writeExact } from '../file/exact-json.ts';

/** What a row has beside the record, which the columns for searches repeat. */
export interface TaskRow {
  /** Everything but the parameters and the checkpoint. */
  readonly record: string;
  /** As JSON. It may have any properties, so it is apart from the record. */
  readonly parameters: string;
  readonly checkpoint: string | null;
}

/** The columns of {@link TaskRow}. */
export const TASK_COLUMNS = 'record, parameters, checkpoint';

/** The task in a row. */
export function taskOf({ record, parameters, checkpoint }: TaskRow): Task {
  return {
    ...readExact<Omit<Task, 'parameters' | 'checkpoint'>>(record),
    parameters: JSON.parse(parameters) as JsonValue,
    checkpoint: checkpoint === null ? undefined : (JSON.parse(checkpoint) as JsonValue),
  };
}

/** Stores a task. @param waitsSince since when it waits for a claim. */
export function putTask(connection: Connection, task: Task, waitsSince: bigint): void {
  const { parameters, checkpoint, ...record } = task;
  connection.run(
    `insert or replace into tasks (id, state, namespace, kind, queue, exclusive, created_at, resume_at,
       claimed_until, ended_at, waits_since, record, parameters, checkpoint)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[task.id, task.state, task.namespace, task.kind, task.queue, task.exclusive ?? null],
    ...[task.createdAt, task.resumeAt, task.claimedUntil ?? null, task.endedAt ?? null, waitsSince],
    ...[writeExact(record), JSON.stringify(parameters)],
    checkpoint === undefined ? null : JSON.stringify(checkpoint),
  );
}
