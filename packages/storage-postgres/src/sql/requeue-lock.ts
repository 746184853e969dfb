import { type Clock, type Instant, millisecondsBetween } from '@querator/core';
import type { Database, Statement } from '../database/database.ts';
import { objectId } from '../database/quoted-name.ts';
import { withLongerLimit } from '../database/with-longer-limit.ts';

/**
 * The upper half of the lock's key. `pg_locks` shows it as `classid`, and the table's
 * object id as `objid`.
 */
const LOCK_CLASS = 0x71756572;
const SETTING = 'querator.requeue';
/** Longer than any sweep takes. A lock held for longer belongs to a stuck session or another program. */
const STUCK_AFTER_MS = 60_000;

/** SQL for whether the statement may put items at the tail; see {@link RequeueLock}. */
export const MAY_REQUEUE = `current_setting('${SETTING}', true) IN ('granted', 'overdue')`;

/** SQL for whether the statement has the lock. */
export const HAS_REQUEUE_LOCK = `current_setting('${SETTING}', true) = 'granted'`;

/**
 * SQL for a statement that returns no row, tries to take the lock, and keeps the outcome
 * for the transaction.
 */
const tryLock = (table: string, otherwise: 'refused' | 'overdue') => {
  const lock = `pg_try_advisory_xact_lock((${LOCK_CLASS}::bigint << 32) + ${objectId(table)}::oid::bigint)`;
  const outcome = `CASE WHEN ${lock} THEN 'granted' ELSE '${otherwise}' END`;
  return `SELECT 1 WHERE set_config('${SETTING}', ${outcome}, true) IS NULL`;
};

/**
 * Allows one sweep of a partition at a time, over all servers.
 *
 * A sweep locks the rows that are due, gives them new ids and commits. Another sweep
 * whose snapshot is older still sees them as due. PostgreSQL follows each row to its
 * newest version, and locks that. It finds that the row is no longer due, but keeps
 * the lock until the statement ends. A lease skips locked rows, so it would skip items
 * that are waiting and take those behind them.
 *
 * So a sweep first tries to take an advisory lock, in a statement of its own. The
 * snapshot of the next statement then has everything that the previous sweep has done.
 * If another sweep holds the lock, the statement finds nothing due.
 */
export class RequeueLock {
  /** Since when all tries were refused although something was due. Undefined if the last one was not. */
  #refusedSince: Instant | undefined;
  /** Whether sweeps proceed without the lock, until one gets it again. */
  #goesWithout = false;

  /**
   * Tries to take the lock, then runs a statement of a sweep.
   *
   * @param statement its conditions include {@link MAY_REQUEUE}, and its first row
   *   returns {@link HAS_REQUEUE_LOCK} as `granted`.
   */
  async run<Row extends { readonly granted: boolean }>(
    { db, table }: { readonly db: Database; readonly table: { readonly name: string } },
    statement: Statement,
  ): Promise<readonly Row[]> {
    this.#goesWithout ||= this.#isStuck(db.clock);
    const before = tryLock(table.name, this.#goesWithout ? 'overdue' : 'refused');
    const rows = await withLongerLimit<Row>(db, 'write', { ...statement, before });
    if (rows[0]?.granted === true) this.#goesWithout = false;
    this.#refusedSince = rows[0]?.granted === true ? undefined : (this.#refusedSince ?? db.clock.now());
    return rows;
  }

  /** Nothing has to be requeued: the previous holder of the lock has done the work. */
  nothingDue(): void {
    this.#refusedSince = undefined;
  }

  /**
   * Without the lock, items may be leased out of order for a moment. Without sweeps,
   * leases would never end.
   */
  #isStuck(clock: Clock): boolean {
    return (
      this.#refusedSince !== undefined &&
      millisecondsBetween(this.#refusedSince, clock.now()) >= STUCK_AFTER_MS
    );
  }
}
