import { millisecondsBetween, StorageError } from '@querator/core';
import { LOCK_TIMED_OUT, PostgresError } from '../errors/postgres-error.ts';
import type { Database, Session } from './database.ts';

/**
 * How long a lock request may wait. Other statements on the table queue behind it,
 * also those of producers and consumers.
 */
const ATTEMPT_MS = 50;
/** The first and the longest pause between attempts. Each is twice the one before. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
/** The number of lock holders that an error names. */
const NAMED = 3;

/** A session that may request locks on tables that exclude others. */
export interface LockingSession extends Session {
  /**
   * Limits waits for locks to a moment, for the rest of the transaction. Call it
   * before requesting such a lock.
   */
  waitBriefly(): Promise<void>;
}

/** What the work locks, and how long it may try. */
export interface BriefLocks {
  /** The names of the tables, and their schema. */
  readonly tables: readonly string[];
  readonly schema: () => string | undefined;
  /** The time limit for all attempts. */
  readonly waitMs: number;
}

/**
 * Runs work in a transaction that needs tables for itself. If another session holds
 * one, rolls back at once and starts again after a pause. So no session waits behind
 * the lock request for long.
 *
 * @throws StorageError `locked`, with the names of the holders, when the time is over;
 *   whatever `work` throws.
 */
export async function withBriefLocks<T>(
  db: Database,
  locks: BriefLocks,
  work: (session: LockingSession) => Promise<T>,
): Promise<T> {
  const { clock } = db;
  const { waitMs } = locks;
  const start = clock.now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await db.maintenance((session) =>
        work({
          query: (statement) => session.query(statement),
          waitBriefly: async () => {
            await session.query({ text: `SET LOCAL lock_timeout = ${ATTEMPT_MS}` });
          },
        }),
      );
    } catch (error) {
      if (!(error instanceof PostgresError) || error.sqlState !== LOCK_TIMED_OUT) throw error;
      if (millisecondsBetween(start, clock.now()) + pauseMs > waitMs) throw await locked(error, db, locks);
    }
    await new Promise<void>((resolve) => void clock.startTimer(pauseMs, resolve));
  }
}

/** A prepared transaction holds locks without a session. Some columns of other users' sessions are hidden. */
const HOLDERS = `
  SELECT relname AS table, min(CASE WHEN pid IS NULL THEN 'a prepared transaction' ELSE concat('session ', pid, ' (',
      concat_ws(', ', nullif(application_name, ''), usename, state, CASE WHEN xact_start IS NOT NULL THEN
        concat('for ', round(extract(epoch FROM statement_timestamp() - xact_start)), ' s') END), ')') END) AS holder
  FROM pg_locks AS held
    JOIN pg_class AS class ON class.oid = held.relation
    LEFT JOIN pg_stat_activity AS session USING (pid)
  WHERE held.granted AND held.locktype = 'relation' AND pid IS DISTINCT FROM pg_backend_pid()
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relname = ANY ($1::text[]) AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $2)
  GROUP BY relname, pid, xact_start ORDER BY xact_start NULLS LAST LIMIT ${NAMED}`;

async function locked(error: PostgresError, db: Database, locks: BriefLocks): Promise<StorageError> {
  const values = [locks.tables, locks.schema()];
  const rows = await db
    .read<{ table: string; holder: string }>({ text: HOLDERS, values })
    .catch((): readonly { table: string; holder: string }[] => []);
  const held = rows.map(({ table, holder }) => `${table} is held by ${holder}`);
  const reason = held.length > 0 ? held.join('; ') : `${locks.tables.join(', ')}: ${error.message}`;
  const message = `storage '${db.name}': not locked within ${locks.waitMs} ms, ${reason}`;
  return new StorageError(message, { outcome: 'not-applied', locked: true });
}
