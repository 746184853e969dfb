import {
  addDuration,
  type ClaimedSchedule,
  type DueSchedules,
  type Duration,
  type Instant,
  instantFromMicroseconds,
  LIMITS,
  millisecondsBetween,
  type NewSchedule,
  noSuchQueue,
  type Schedule,
  type ScheduleChange,
  type ScheduleListRequest,
  type SettledSchedule,
  scheduleExists,
  tooManySchedules,
} from '@querator/core';
import { readExact, writeExact } from '../file/exact-json.ts';
import type { Transaction } from '../file/transaction.ts';

interface ScheduleRow {
  readonly id: string;
  /** When it is claimed next. Null: never. */
  readonly look_at: bigint | null;
  readonly claim: bigint;
  readonly attempted_at: bigint | null;
  /** Everything but the payload. */
  readonly record: string;
  readonly payload: Uint8Array;
}

/** The row of a schedule whose queue may be gone. */
type MaybeLive = ScheduleRow & { readonly is_live: bigint };

/** A schedule lives as long as its queue. */
const LIVE = `exists (select 1 from queues
  where queues.name = schedules.queue_name and queues.created_at = schedules.queue_created_at)`;
const COLUMNS = 'id, look_at, claim, attempted_at, record, payload';

/** Checks whether a schedule can be added. @returns the time of the call. */
function prepareSchedule(
  { connection, now }: Transaction,
  { schedule }: { readonly schedule: NewSchedule },
): Instant {
  const { namespace, name, queueName, queueCreatedAt } = schedule;
  const queue = 'select 1 from queues where name = ? and created_at = ?';
  if (connection.get(queue, queueName, queueCreatedAt) === undefined) throw noSuchQueue(queueName);
  connection.run(`delete from schedules where namespace = ? and name = ? and not ${LIVE}`, namespace, name);
  const same = 'select 1 from schedules where namespace = ? and name = ?';
  if (connection.get(same, namespace, name) !== undefined) throw scheduleExists(name);
  const { count } = connection.get<{ count: bigint }>(
    `select count(*) as count from schedules where namespace = ? and ${LIVE}`,
    namespace,
  ) ?? { count: 0n };
  if (count >= LIMITS.schedules) throw tooManySchedules(namespace, LIMITS.schedules);
  return now;
}

function insertSchedule({ connection }: Transaction, { schedule }: { readonly schedule: Schedule }): void {
  const { id, namespace, name, queueName, queueCreatedAt, state, paused } = schedule;
  connection.run(
    `insert into schedules (id, namespace, name, queue_name, queue_created_at, look_at, claim, record, payload)
     values (?, ?, ?, ?, ?, ?, 0, ?, ?)`,
    ...[id, namespace, name, queueName, queueCreatedAt, paused ? null : (state.dueAt ?? null)],
    ...[recordOf(schedule), schedule.item.payload],
  );
}

function listSchedules(
  { connection }: Transaction,
  { namespace, queueName, pivot, limit }: ScheduleListRequest,
): readonly Schedule[] {
  const rows = connection.all<ScheduleRow>(
    `select ${COLUMNS} from schedules
     where namespace = ?1 and name >= ?2 and (?3 is null or queue_name = ?3) and ${LIVE}
     order by name limit ?4`,
    ...[namespace, pivot, queueName ?? null, limit],
  );
  return rows.map(scheduleOf);
}

export interface Named {
  readonly namespace: string;
  readonly name: string;
}

function findSchedule(
  { connection, now }: Transaction,
  { namespace, name }: Named,
): { readonly schedule: Schedule; readonly now: Instant } | undefined {
  const row = connection.get<ScheduleRow>(
    `select ${COLUMNS} from schedules where namespace = ? and name = ? and ${LIVE}`,
    ...[namespace, name],
  );
  return row && { schedule: scheduleOf(row), now };
}

/** Changes a schedule, and ends a claim of it. */
function changeSchedule(
  { connection }: Transaction,
  {
    stored,
    change: { cron, timeZone, item, missed, until, paused, state },
    updatedAt,
  }: { readonly stored: Schedule; readonly change: ScheduleChange; readonly updatedAt: Instant },
): Schedule {
  const changed = { ...stored, ...{ cron, timeZone, item, missed, until, paused, state, updatedAt } };
  const isOtherTime = state.dueAt !== stored.state.dueAt;
  connection.run(
    `update schedules set record = ?, payload = ?, look_at = ?, claim = claim + 1
       ${isOtherTime ? ', attempted_at = null' : ''} where id = ?`,
    ...[recordOf(changed), item.payload, paused ? null : (state.dueAt ?? null), stored.id],
  );
  return changed;
}

function deleteSchedule({ connection }: Transaction, { namespace, name }: Named): boolean {
  const deleted = `delete from schedules where namespace = ? and name = ? and ${LIVE}`;
  return connection.run(deleted, namespace, name) > 0;
}

function claimSchedules(
  transaction: Transaction,
  { limit, timeout }: { readonly limit: number; readonly timeout: Duration },
): DueSchedules {
  const { connection, now } = transaction;
  const due: ScheduleRow[] = [];
  const gone: string[] = [];
  let nextMs: number | undefined;
  const rows = connection.each<MaybeLive>(
    `select ${COLUMNS}, ${LIVE} as is_live from schedules where look_at is not null order by look_at`,
  );
  for (const row of rows) {
    const lookAt = instantFromMicroseconds(row.look_at ?? 0n);
    if (row.is_live === 0n) {
      if (lookAt > now) continue;
      gone.push(row.id);
    } else if (lookAt <= now && due.length < limit) {
      due.push(row);
    } else {
      nextMs = millisecondsBetween(now, lookAt);
      break;
    }
  }
  for (const id of gone) connection.run('delete from schedules where id = ?', id);
  return { claimed: due.map((row) => claim(transaction, row, timeout)), nextMs };
}

function claim({ connection, now }: Transaction, row: ScheduleRow, timeout: Duration): ClaimedSchedule {
  connection.run(
    `update schedules set look_at = ?, claim = claim + 1, attempted_at = coalesce(attempted_at, ?) where id = ?`,
    ...[addDuration(now, timeout), now, row.id],
  );
  return {
    schedule: scheduleOf(row),
    claim: Number(row.claim) + 1,
    claimedAt: now,
    doubtSince: row.attempted_at === null ? undefined : instantFromMicroseconds(row.attempted_at),
  };
}

function settleSchedule(
  { connection, now }: Transaction,
  { id, claim: claimed, state, retryAfter, doubtful }: SettledSchedule,
): boolean {
  const row = connection.get<ScheduleRow>(
    `select ${COLUMNS} from schedules where id = ? and claim = ? and ${LIVE}`,
    ...[id, claimed],
  );
  if (row === undefined) return false;
  const lookAt = retryAfter === undefined ? state.dueAt : addDuration(now, retryAfter);
  connection.run(
    `update schedules set record = ?, look_at = ?, claim = claim + 1
       ${doubtful ? '' : ', attempted_at = null'} where id = ?`,
    ...[recordOf({ ...scheduleOf(row), state }), lookAt ?? null, id],
  );
  return true;
}

function recordOf({ item: { payload: _, ...item }, ...schedule }: Schedule): string {
  return writeExact({ ...schedule, item });
}

function scheduleOf({ record, payload }: ScheduleRow): Schedule {
  const schedule = readExact<Schedule>(record);
  return { ...schedule, item: { ...schedule.item, payload } };
}

/** The calls on schedules. */
export const SCHEDULE_CALLS = {
  prepareSchedule,
  insertSchedule,
  listSchedules,
  findSchedule,
  changeSchedule,
  deleteSchedule,
  claimSchedules,
  settleSchedule,
};
