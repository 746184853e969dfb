import {
  addDuration,
  type ClaimedTask,
  type Duration,
  type Instant,
  milliseconds,
  type NewTask,
  TASK_RECORD_TIMEOUT,
  TASK_RECORDS_MAX,
  TASKS_RUNNING_MAX,
  type Task,
  type TaskChange,
  type TaskClaim,
  type TaskClaimRequest,
  type TaskEnd,
  type TaskListRequest,
  taskExcluded,
  toMicroseconds,
  tooManyTasks,
} from '@querator/core';
import type { Value } from '../file/connection.ts';
import type { Transaction } from '../file/transaction.ts';
import { putTask, TASK_COLUMNS, type TaskRow, taskOf } from './task-row.ts';

/** A task does not make up for more time than this. */
const LATE: Duration = milliseconds(-1_000);

/** A task as it is after a call, and whether the call has changed it. */
export interface ChangedTask {
  readonly task: Task;
  readonly isChanged: boolean;
}

function createTask(transaction: Transaction, { task: given }: { readonly task: NewTask }): ChangedTask {
  const { connection, now } = transaction;
  prune(transaction);
  const existing = find(transaction, given.id);
  if (existing !== undefined) return { task: existing, isChanged: false };
  const { running } = connection.get<{ running: bigint }>(
    `select count(*) as running from tasks where state = 'running'`,
  ) ?? { running: 0n };
  if (running >= TASKS_RUNNING_MAX) throw tooManyTasks(TASKS_RUNNING_MAX);
  const sameExclusive = `select 1 from tasks where state = 'running' and exclusive = ? limit 1`;
  if (connection.get(sameExclusive, given.exclusive ?? null) !== undefined) throw taskExcluded();
  const task: Task = {
    ...given,
    ...{ matched: 0, done: 0, failed: 0, faults: 0, generation: 0 },
    ...{ state: 'running', createdAt: now, resumeAt: now },
    ...{ startedAt: undefined, endedAt: undefined, cancelRequestedAt: undefined, claimedUntil: undefined },
    ...{ error: undefined, checkpoint: undefined, owner: undefined },
  };
  putTask(connection, task, now);
  return { task, isChanged: true };
}

function getTask(transaction: Transaction, { id }: { readonly id: string }): Task | undefined {
  const task = find(transaction, id);
  return task !== undefined && isKept(task, transaction.now) ? task : undefined;
}

function taskNamespaces({ connection }: Transaction, _: null): readonly string[] {
  const rows = connection.all<{ namespace: string }>('select distinct namespace from tasks');
  return rows.map(({ namespace }) => namespace);
}

function listTasks({ connection, now }: Transaction, request: TaskListRequest): readonly Task[] {
  const { namespaces, after, limit } = request;
  const conditions = ['(ended_at is null or ended_at >= ?)'];
  const values: Value[] = [now - toMicroseconds(TASK_RECORD_TIMEOUT)];
  for (const column of ['kind', 'queue', 'state'] as const) {
    const asked = request[column];
    if (asked === undefined) continue;
    conditions.push(`${column} = ?`);
    values.push(asked);
  }
  if (namespaces !== undefined) {
    conditions.push('namespace in (select value from json_each(?))');
    values.push(JSON.stringify(namespaces));
  }
  if (after !== undefined) {
    conditions.push('(created_at, id) < (?, ?)');
    values.push(after.createdAt, after.id);
  }
  const rows = connection.all<TaskRow>(
    `select ${TASK_COLUMNS} from tasks where ${conditions.join(' and ')}
     order by created_at desc, id desc limit ?`,
    ...values,
    limit,
  );
  return rows.map(taskOf);
}

function claimTask(
  transaction: Transaction,
  { owner, kinds, timeout }: TaskClaimRequest,
): ClaimedTask | undefined {
  const { connection, now } = transaction;
  const rows = connection.all<TaskRow>(
    `select ${TASK_COLUMNS} from tasks
     where state = 'running' and resume_at <= ?1 and (claimed_until is null or claimed_until < ?1)
     order by waits_since, created_at`,
    now,
  );
  const task = rows
    .map(taskOf)
    .find((each) => kinds.some(({ kind, version }) => kind === each.kind && version >= each.version));
  if (task === undefined) return undefined;
  return change(transaction, task, {
    owner,
    generation: task.generation + 1,
    claimedUntil: addDuration(now, timeout),
    startedAt: task.startedAt ?? now,
  });
}

function saveTask(
  transaction: Transaction,
  {
    claim,
    change: given,
    timeout,
  }: { readonly claim: TaskClaim; readonly change: TaskChange; readonly timeout: Duration },
): ClaimedTask | undefined {
  const task = claimed(transaction, claim);
  if (task === undefined) return undefined;
  const claimedUntil = addDuration(transaction.now, timeout);
  return change(transaction, task, { ...changesOf(given, task, transaction.now), claimedUntil });
}

function cancelTask(transaction: Transaction, { id }: { readonly id: string }): ChangedTask | undefined {
  const task = getTask(transaction, { id });
  if (task === undefined) return undefined;
  if (task.state !== 'running' || task.cancelRequestedAt !== undefined) return { task, isChanged: false };
  const { connection, now } = transaction;
  const { waits_since: waitsSince } = connection.get<{ waits_since: bigint }>(
    'select waits_since from tasks where id = ?',
    id,
  ) ?? { waits_since: now };
  // A task that waits for its rate must not wait to be cancelled.
  const cancelled = { ...task, cancelRequestedAt: now, resumeAt: now };
  putTask(connection, cancelled, waitsSince);
  return { task: cancelled, isChanged: true };
}

function endTask(
  transaction: Transaction,
  { claim, end: { state, ...given } }: { readonly claim: TaskClaim; readonly end: TaskEnd },
): Task | undefined {
  const task = claimed(transaction, claim);
  if (task === undefined) return undefined;
  const changes = changesOf(given, task, transaction.now);
  const ended = { ...changes, state, endedAt: transaction.now, claimedUntil: undefined };
  return change(transaction, task, ended).task;
}

function releaseTask(transaction: Transaction, { claim }: { readonly claim: TaskClaim }): void {
  const task = claimed(transaction, claim);
  if (task !== undefined) change(transaction, task, { claimedUntil: undefined });
}

function find({ connection }: Transaction, id: string): Task | undefined {
  const row = connection.get<TaskRow>(`select ${TASK_COLUMNS} from tasks where id = ?`, id);
  return row && taskOf(row);
}

/** The running task of a claim. Undefined: the claim is not the last one. */
function claimed(transaction: Transaction, { id, generation }: TaskClaim): Task | undefined {
  const task = find(transaction, id);
  if (task?.state !== 'running' || task.claimedUntil === undefined) return undefined;
  return task.generation === generation ? task : undefined;
}

/** Stores a change. The task waits from now on, should it be released. */
function change({ connection, now }: Transaction, task: Task, changes: Partial<Task>): ClaimedTask {
  const changed = { ...task, ...changes };
  putTask(connection, changed, now);
  return { task: changed, now };
}

function changesOf({ counts, pause, error, ...given }: TaskChange, task: Task, now: Instant): Partial<Task> {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  const earliest = addDuration(now, LATE);
  let from = task.resumeAt;
  if (from < earliest) from = earliest;
  const isPaused = pause !== undefined && task.cancelRequestedAt === undefined;
  return {
    ...Object.fromEntries(set),
    ...counts,
    ...(error === undefined ? {} : { error: error ?? undefined }),
    ...(isPaused ? { resumeAt: addDuration(from, pause) } : {}),
  };
}

function isKept({ endedAt }: Task, now: Instant): boolean {
  return endedAt === undefined || addDuration(endedAt, TASK_RECORD_TIMEOUT) >= now;
}

/** Removes the records of tasks that ended long ago, or that are more than are kept. */
function prune({ connection, now }: Transaction): void {
  connection.run('delete from tasks where ended_at < ?', now - toMicroseconds(TASK_RECORD_TIMEOUT));
  connection.run(
    `delete from tasks where id in (
       select id from tasks where ended_at is not null order by ended_at desc limit -1 offset ?)`,
    TASK_RECORDS_MAX,
  );
}

/** The calls on tasks. */
export const TASK_CALLS = {
  createTask,
  getTask,
  taskNamespaces,
  listTasks,
  claimTask,
  saveTask,
  cancelTask,
  endTask,
  releaseTask,
};
