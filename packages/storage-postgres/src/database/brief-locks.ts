import { millisecondsBetween, StorageError } from '@querator/core';
import { LOCK_TIMED_OUT, PostgresError } from '../errors/postgres-error.ts';
import type { Database, Session } from './database.ts';

/**
 * How long a request for a lock on a table may wait. Whoever wants the table
 * meanwhile waits behind it, producers and consumers too.
 */
const ATTEMPT_MS = 50;
/** Pauses between attempts: the first, and the longest, each twice the one before. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
/** Holders that an error names. */
const NAMED = 3;

/** A session that may ask for locks on tables that exclude others. */
export interface LockingSession extends Session {
  /** From now on in this transaction a wait for a lock ends after a moment. Call it before such a lock is asked for. */
  waitBriefly(): Promise<void>;
}

/** What a piece of work locks. */
export interface BriefLocks {
  /** The tables, by name, and the schema that they are in. */
  readonly tables: readonly string[];
  readonly schema: () => string | undefined;
  /** How long all attempts may take. */
  readonly waitMs: number;
}

/**
 * Runs work in a transaction that needs tables for itself. Where somebody else
 * holds one it is rolled back at once, and starts over after a pause: so nobody
 * has to wait behind it for long.
 *
 * @throws StorageError `locked`, with the names of those who hold the tables,
 *   when the time is up; whatever `work` throws.
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

/** A prepared transaction holds locks without a session; of other users' sessions some things are hidden. */
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
