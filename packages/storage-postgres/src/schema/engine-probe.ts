import { StorageError } from '@querator/core';
import type { Database, Session } from '../database/database.ts';
import { objectId } from '../database/quoted-name.ts';
import {
  isPermissionDenied,
  isStatementTimeout,
  isUndefinedTable,
  isUnknownStatement,
  PostgresError,
} from '../errors/postgres-error.ts';
import { ITEM_ID_SEQUENCE } from '../sql/table-name.ts';
import { getTableName } from './drizzle.ts';
import { QUEUES } from './tables/queues.ts';
import { schemaVersionTable } from './tables/schema-version.ts';

/** The other session of a check waits for a lock this long at most. */
const WAIT = "SET LOCAL lock_timeout = '200ms'";

const UNORDERED =
  'the sequence querator_item_id does not give numbers in the order of its calls, in whatever session ' +
  '(see its CACHE, which must be 1)';

/** Checks one ability. Returns whether the server has it. */
type Check = (db: Database, session: Session) => Promise<boolean>;

/**
 * What the driver needs of the server beyond SQL: without it items would get out of order
 * or be lost from sight, and no statement would fail. Each check uses two sessions.
 */
const CHECKS: readonly (readonly [lack: string, check: Check])[] = [
  [
    UNORDERED,
    async (db, session) => {
      const next = { text: `SELECT nextval(${sequenceOf(db)})::text AS n` };
      const numbers = [
        await session.query<NextNumber>(next),
        await inOther(db, (other) => other.query<NextNumber>(next)),
        await session.query<NextNumber>(next),
      ].map(([row]) => BigInt(row?.n ?? 0));
      return numbers.every((number, n) => n === 0 || number > (numbers[n - 1] ?? 0n));
    },
  ],
  [
    'pg_locks does not show the locks of other sessions',
    async (db, session) => {
      const queues = db.schema.relation(QUEUES);
      await session.query({ text: `LOCK TABLE ${queues} IN ROW EXCLUSIVE MODE` });
      const [own] = await session.query<{ readonly pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' });
      const [seen] = await inOther(db, (other) =>
        other.query<{ readonly any: boolean }>({
          text: `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'relation' AND pid = $1
            AND relation = ${objectId(queues)} AND mode = 'RowExclusiveLock') AS any`,
          values: [own?.pid ?? 0],
        }),
      );
      return seen?.any === true;
    },
  ],
  [
    'SKIP LOCKED does not skip the rows that other sessions have locked',
    async (db, session) => {
      const lock = {
        text: `SELECT count(*)::int AS rows FROM (
          SELECT FROM ${db.schema.relation(getTableName(schemaVersionTable))} FOR UPDATE SKIP LOCKED) AS locked`,
      };
      const [own] = await session.query<{ readonly rows: number }>(lock);
      const [other] = await inOther(db, (second) => second.query<{ readonly rows: number }>(lock));
      return own?.rows === 0 || other?.rows === 0;
    },
  ],
];

interface NextNumber {
  readonly n: string;
}

/**
 * Checks whether the server has what the order of items depends on: at the first contact,
 * and at the first one after a failover.
 *
 * @param server its start time. 0: check it also if it has passed.
 * @throws StorageError that names what is missing.
 */
export async function checkEngine(db: Database, server = 0n): Promise<void> {
  const fault = await db.itemNumbers.engine.faultOn(server, () => probe(db));
  if (fault === undefined) return;
  throw new StorageError(`storage '${db.name}': the server cannot keep items in order: ${fault}`, {
    outcome: 'not-applied',
  });
}

/**
 * Uses two connections of the pool. A pool of one shows the settings of the sequence only.
 * A check that cannot be made, for lack of a right or of time, says nothing.
 *
 * @returns what is missing, for operators. Undefined: nothing, as far as is known.
 */
async function probe(db: Database): Promise<string | undefined> {
  if (db.itemNumbers.engine.maxConns < 2) return (await caches(db)) ? UNORDERED : undefined;
  for (const [lack, check] of CHECKS) {
    if (!(await passes(db, check))) return lack;
  }
  return undefined;
}

async function passes(db: Database, check: Check): Promise<boolean> {
  try {
    return await db.transaction(async (session) => {
      await session.query({ text: WAIT });
      return check(db, session);
    });
  } catch (error) {
    if (error instanceof OtherFailed) return !error.isLack;
    return !isUnknownStatement(error);
  }
}

/** Whether sessions take numbers of the sequence in advance. */
async function caches(db: Database): Promise<boolean> {
  const [row] = await db.read<{ readonly caches: boolean }>({
    text: `SELECT seqcache > 1 AS caches FROM pg_sequence WHERE seqrelid = ${sequenceOf(db)}`,
  });
  return row?.caches === true;
}

/** The second session of a check failed. */
class OtherFailed extends Error {
  override readonly name = 'OtherFailed';
  readonly isLack: boolean;

  constructor(cause: unknown) {
    super('the other session failed', { cause });
    // It waited for the first one, or may not see it, or does not know the statement.
    this.isLack =
      isStatementTimeout(cause) ||
      isPermissionDenied(cause) ||
      isUnknownStatement(cause) ||
      (cause instanceof PostgresError && isUndefinedTable(cause.sqlState));
  }
}

/** Runs a statement in a second session, while the first one is in its transaction. */
async function inOther<T>(db: Database, work: (session: Session) => Promise<T>): Promise<T> {
  return db.transaction(async (session) => {
    await session.query({ text: WAIT });
    try {
      return await work(session);
    } catch (error) {
      throw new OtherFailed(error);
    }
  });
}

function sequenceOf(db: Database): string {
  return objectId(db.schema.relation(ITEM_ID_SEQUENCE));
}
