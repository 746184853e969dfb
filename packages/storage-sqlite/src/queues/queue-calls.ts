import {
  addDuration,
  CLOSURE_MARGIN,
  type Duration,
  type Instant,
  instantFromMicroseconds,
  type NewQueue,
  PAUSABLE,
  type PartitionPlacement,
  type Pausable,
  type PauseChange,
  pauseHasPassed,
  type Queue,
  type QueueListRequest,
  type QueueRelations,
  type QueueResizes,
  type QueueStamp,
  queueExists,
} from '@querator/core';
import { requireNamespace } from '../access/access-calls.ts';
import type { Transaction } from '../file/transaction.ts';
import {
  closureOf,
  type PauseEnds,
  placementsText,
  type QueueRow,
  queueOf,
  SETTING_COLUMNS,
  settingValues,
} from './queue-row.ts';

export interface Named {
  readonly name: string;
}

interface PlacedQueue extends Named {
  readonly partitions: readonly PartitionPlacement[];
  readonly resizes: QueueResizes | undefined;
}

function findQueue({ connection, now }: Transaction, { name }: Named): Queue | undefined {
  const row = connection.get<QueueRow>('select * from queues where name = ?', name);
  return row && queueOf(row, now);
}

function queueStamps(
  { connection }: Transaction,
  { names }: { readonly names: readonly string[] },
): ReadonlyMap<string, QueueStamp> {
  const stamps = new Map<string, QueueStamp>();
  for (const name of names) {
    const row = connection.get<Pick<QueueRow, 'created_at' | 'updated_at'>>(
      'select created_at, updated_at from queues where name = ?',
      name,
    );
    if (row === undefined) continue;
    const { created_at: createdAt, updated_at: updatedAt } = row;
    stamps.set(name, {
      createdAt: instantFromMicroseconds(createdAt),
      updatedAt: instantFromMicroseconds(updatedAt),
    });
  }
  return stamps;
}

function listQueues(
  { connection, now }: Transaction,
  { namespace, pivot, limit }: QueueListRequest,
): readonly Queue[] {
  const rows =
    namespace === undefined
      ? connection.all<QueueRow>('select * from queues where name >= ? order by name limit ?', pivot, limit)
      : connection.all<QueueRow>(
          'select * from queues where namespace = ? and name >= ? order by name limit ?',
          ...[namespace, pivot, limit],
        );
  return rows.map((row) => queueOf(row, now));
}

function insertQueue(
  transaction: Transaction,
  { queue, namespaceMustExist }: { readonly queue: NewQueue; readonly namespaceMustExist: boolean },
): Queue {
  const { connection, now } = transaction;
  const { name, namespace } = queue;
  if (namespaceMustExist) requireNamespace(transaction, namespace);
  if (findQueue(transaction, { name }) !== undefined) throw queueExists(name);
  const row = connection.get<QueueRow>(
    `insert into queues (name, namespace, ${SETTING_COLUMNS.join(', ')}, partitions, pauses, created_at, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, '{}', ?, ?) returning *`,
    ...[name, namespace, ...settingValues(queue), placementsText(queue.partitions), now, now],
  ) as QueueRow;
  return queueOf(row, now);
}

/** Replaces the settings of a queue that exists. */
function updateQueue(
  { connection, now }: Transaction,
  { name, changed }: Named & { readonly changed: NewQueue },
): Queue {
  const row = connection.get<QueueRow>(
    `update queues set ${SETTING_COLUMNS.map((column) => `${column} = ?`).join(', ')}, updated_at = ?
     where name = ? returning *`,
    ...[...settingValues(changed), now, name],
  ) as QueueRow;
  return queueOf(row, now);
}

function pauseQueue(
  { connection, now }: Transaction,
  { name, changes }: Named & { readonly changes: Readonly<Partial<Record<Pausable, PauseChange>>> },
): Queue | undefined {
  const stored = connection.get<Pick<QueueRow, 'pauses'>>('select pauses from queues where name = ?', name);
  if (stored === undefined) return undefined;
  const ends = JSON.parse(stored.pauses) as PauseEnds;
  for (const work of PAUSABLE) {
    const change = changes[work];
    if (change === 'resume') delete ends[work];
    else if (change !== undefined) ends[work] = endOf(change, now);
  }
  const row = connection.get<QueueRow>(
    'update queues set pauses = ?, updated_at = ? where name = ? returning *',
    ...[JSON.stringify(ends), now, name],
  ) as QueueRow;
  return queueOf(row, now);
}

function endOf({ until }: Exclude<PauseChange, 'resume'>, now: Instant): string | null {
  if (until === undefined) return null;
  if (until <= now) throw pauseHasPassed();
  return until.toString();
}

/** Changes where one partition is. */
function placeQueue({ connection, now }: Transaction, { name, partitions, resizes }: PlacedQueue): Queue {
  const row = connection.get<QueueRow>(
    'update queues set partitions = ?, updated_at = ? where name = ? returning *',
    ...[placementsText(partitions, resizes), now, name],
  ) as QueueRow;
  return queueOf(row, now);
}

/** Changes which partitions there are. */
function resizeQueue(
  { connection, now }: Transaction,
  { name, partitions, resizes, requestedPartitions }: PlacedQueue & { readonly requestedPartitions: number },
): Queue {
  const row = connection.get<QueueRow>(
    'update queues set partitions = ?, requested_partitions = ?, updated_at = ? where name = ? returning *',
    ...[placementsText(partitions, resizes), requestedPartitions, now, name],
  ) as QueueRow;
  return queueOf(row, now);
}

/** What the rules between a queue and its intended dead-letter queue are checked against. */
function queueRelations(
  transaction: Transaction,
  { name, deadQueue }: Named & { readonly deadQueue: string },
): QueueRelations {
  const ends = transaction.connection.get<{ ends_at: bigint | null }>(
    'select ends_at from queues where name = ?',
    deadQueue,
  )?.ends_at;
  return {
    deadQueue: findQueue(transaction, { name: deadQueue }),
    deadQueueEnds: ends != null && transaction.now < ends,
    usedBy: userOfQueue(transaction, { name }),
  };
}

/** A queue whose dead-letter queue is this one, the first in byte order. */
function userOfQueue({ connection }: Transaction, { name }: Named): string | undefined {
  return connection.get<Named>(
    `select name from queues where dead_queue = ? and dead_queue <> '' order by name limit 1`,
    name,
  )?.name;
}

function beginQueueDelete(
  { connection, now }: Transaction,
  { name, timeout }: Named & { readonly timeout: Duration },
): void {
  connection.run('update queues set ends_at = ? where name = ?', addDuration(now, timeout), name);
}

export interface Closure {
  readonly token: string;
  readonly timeout: Duration | undefined;
}

/** Closes a queue, or ends the closure of a token. @returns whether anything was changed. */
function closeQueue(
  { connection, now }: Transaction,
  { name, createdAt, closure: { token, timeout } }: DeletedQueue & { readonly closure: Closure },
): boolean {
  const changed =
    timeout === undefined
      ? connection.run(
          'update queues set closure = null where name = ? and created_at = ? and closure = ?',
          ...[name, createdAt, token],
        )
      : connection.run(
          'update queues set closure = ?, closed_until = ? where name = ? and created_at = ?',
          ...[token, addDuration(now, timeout), name, createdAt],
        );
  return changed > 0;
}

/** The token of the closure of a queue, if it stays in force for {@link CLOSURE_MARGIN}. */
function lastingClosure({ connection, now }: Transaction, { name }: Named): string | undefined {
  const row = connection.get<QueueRow>('select * from queues where name = ?', name);
  return row && closureOf(row, addDuration(now, CLOSURE_MARGIN));
}

/** Removes a queue, and records that it was deleted. */
function deleteQueue({ connection }: Transaction, { name }: Named): void {
  connection.run(
    'insert or ignore into deleted_queues select name, created_at from queues where name = ?',
    name,
  );
  connection.run('delete from queues where name = ?', name);
}

export interface DeletedQueue extends Named {
  readonly createdAt: Instant;
}

function wasQueueDeleted({ connection }: Transaction, { name, createdAt }: DeletedQueue): boolean {
  const record = 'select 1 from deleted_queues where name = ? and created_at = ?';
  return connection.get(record, name, createdAt) !== undefined;
}

/** No other process can miss the deletion, so the record is not needed any more. */
function forgetQueueDeletion({ connection }: Transaction, { name, createdAt }: DeletedQueue): void {
  connection.run('delete from deleted_queues where name = ? and created_at = ?', name, createdAt);
}

function partitionCounts({ connection }: Transaction, _: null): ReadonlyMap<string, number> {
  const rows = connection.all<{ storage: string; partitions: bigint }>(
    `select placed.value ->> 'storageName' as storage, count(*) as partitions
     from queues, json_each(queues.partitions) as placed group by 1`,
  );
  return new Map(rows.map(({ storage, partitions }) => [storage, Number(partitions)]));
}

/** The calls on queues' settings. */
export const QUEUE_CALLS = {
  findQueue,
  queueStamps,
  listQueues,
  insertQueue,
  updateQueue,
  pauseQueue,
  placeQueue,
  resizeQueue,
  queueRelations,
  userOfQueue,
  beginQueueDelete,
  closeQueue,
  lastingClosure,
  deleteQueue,
  wasQueueDeleted,
  forgetQueueDeletion,
  partitionCounts,
};
