import type { QueueRelations } from '@querator/core';
import type { Session, Statement } from '../database/database.ts';
import { nowSql } from '../sql/partition-table.ts';
import { type QueueRow, rowToQueue } from './row-to-queue.ts';

/**
 * A queue that is being deleted keeps the end of its deletion mark here, in the JSON
 * of its first placement. A server of an earlier version ignores a property there, but
 * would refuse a database with an unknown column.
 */
const ENDS_AT = "'{0,deletionEndsAt}'";

/** An empty name means "no dead-letter queue", not a queue of that name. */
const findUserIn = (queues: string) => `
  SELECT name FROM ${queues} WHERE dead_queue = $1 AND dead_queue <> '' ORDER BY name LIMIT 1`;

const lockIn = (queues: string) => `
  SELECT *, ${nowSql('$2')} AS read_at,
    coalesce((partitions #>> ${ENDS_AT})::timestamptz > ${nowSql('$2')}, false) AS ends
  FROM ${queues} WHERE name = $1 FOR UPDATE`;

/** Marks the queue $1 as being deleted, for the interval $2 from the time $3. */
export const markEnding = (queues: string) => `
  UPDATE ${queues}
  SET partitions = jsonb_set(partitions, ${ENDS_AT}, to_jsonb(${nowSql('$3')} + $2::interval))
  WHERE name = $1`;

/** A queue's row, and whether the queue is being deleted. */
export type LockedRow = QueueRow & { readonly ends: boolean };

/** Where rows of queues are changed. */
export interface QueuesSession {
  readonly session: Session;
  /** The table of queues with its schema, as SQL. */
  readonly queues: string;
}

/** The name of a queue whose dead-letter queue is `name`, the first in byte order. */
export function findUser(queues: string, name: string): Statement {
  return { text: findUserIn(queues), values: [name] };
}

/**
 * Locks the rows of queues until the transaction ends, in the order of their names, so
 * that transactions cannot deadlock.
 *
 * @param now the time of a test's clock. Null: the database's.
 * @returns the queues that exist, by name.
 */
export async function lockQueues(
  { session, queues }: QueuesSession,
  names: readonly string[],
  now: string | null,
): Promise<ReadonlyMap<string, LockedRow>> {
  const rows = new Map<string, LockedRow>();
  for (const name of [...new Set(names)].sort()) {
    const [row] = await session.query<LockedRow>({ text: lockIn(queues), values: [name, now] });
    if (row !== undefined) rows.set(name, row);
  }
  return rows;
}

/**
 * Reads the data for the rules between a queue and its dead-letter queue. Call it
 * after their rows are locked: every change of this data needs one of those locks.
 *
 * @param deadQueue the locked row of the dead-letter queue. Undefined if there is
 *   none.
 */
export async function readRelations(
  { session, queues }: QueuesSession,
  name: string,
  deadQueue: LockedRow | undefined,
): Promise<QueueRelations> {
  // A separate statement, so that its snapshot is taken once the locks are held.
  const [user] = await session.query<{ readonly name: string }>(findUser(queues, name));
  return {
    deadQueue: deadQueue && rowToQueue(deadQueue),
    deadQueueEnds: deadQueue?.ends ?? false,
    usedBy: user?.name,
  };
}
