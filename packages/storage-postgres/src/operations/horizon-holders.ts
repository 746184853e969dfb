import type { HeldHorizonNotice, Logger } from '@querator/core';
import type { Database } from '../database/database.ts';

/** If it is unknown since when something keeps dead rows, this many later transactions make it reportable. */
const HELD_FOR_TRANSACTIONS = 100_000;

/**
 * What keeps dead rows of this database from being removed: transactions, prepared
 * transactions, replication slots, and standbys that send feedback.
 *
 * Every role can see which transaction a session holds. The start, state and kind of
 * another user's session are `hidden`, except from members of `pg_read_all_stats`.
 * Background workers of a user cannot be distinguished from sessions then; the server's own can.
 */
const HOLDERS = `
  SELECT 'session' AS kind, 'session ' || pid || concat(' (', concat_ws(', ', nullif(application_name, ''), usename, state), ')') AS holder,
      coalesce(extract(epoch FROM statement_timestamp() - xact_start), 0)::float8 AS seconds,
      greatest(age(backend_xmin), age(backend_xid)) AS transactions, backend_type IS NULL AS hidden
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND (backend_type = 'client backend' OR (backend_type IS NULL AND usesysid IS NOT NULL))
      AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
  UNION ALL
  SELECT 'prepared-transaction', 'prepared transaction ' || quote_literal(gid), extract(epoch FROM statement_timestamp() - prepared)::float8,
      age(transaction), false
    FROM pg_prepared_xacts WHERE database = current_database()
  UNION ALL
  SELECT 'replication-slot', 'replication slot ' || slot_name, 0, age(xmin), false
    FROM pg_replication_slots WHERE xmin IS NOT NULL
  UNION ALL
  SELECT 'standby', 'standby ' || coalesce(nullif(application_name, ''), pid::text), 0, age(backend_xmin), false
    FROM pg_stat_replication WHERE backend_xmin IS NOT NULL`;

/** The oldest of each kind, with a known start and without one. The worst comes first. */
const OLDEST = `
  WITH holders AS (${HOLDERS}),
  oldest AS (
    SELECT DISTINCT ON (kind, seconds = 0) * FROM holders
    WHERE (seconds > 0 AND seconds >= $1) OR (seconds = 0 AND transactions >= ${HELD_FOR_TRANSACTIONS})
    ORDER BY kind, seconds = 0, transactions DESC, seconds DESC)
  SELECT quote_ident(current_user) AS role, EXISTS (SELECT FROM holders WHERE hidden) AS "someAreHidden",
    coalesce((SELECT json_agg(oldest ORDER BY transactions DESC, seconds DESC) FROM oldest), '[]') AS oldest`;

interface Holder {
  readonly kind: HeldHorizonNotice['holder'];
  readonly holder: string;
  readonly seconds: number;
  readonly transactions: number;
  readonly hidden: boolean;
}

interface Seen {
  readonly role: string;
  readonly someAreHidden: boolean;
  readonly oldest: readonly Holder[];
}

/** Finds what keeps dead rows of a database, and so makes its tables grow. */
export class HorizonHolders {
  readonly #deps;
  #hasLoggedHidden = false;

  /**
   * @param deps `storage` is the name for the log. Transactions of other sessions that
   *   are open for longer than `heldHorizonMs` are reported.
   */
  constructor(deps: {
    readonly db: Database;
    readonly storage: string;
    readonly logger: Logger;
    readonly heldHorizonMs: number;
  }) {
    this.#deps = deps;
  }

  /** The oldest of each kind, with a known start and without one. The worst comes first. */
  async read(): Promise<readonly HeldHorizonNotice[]> {
    const { db, heldHorizonMs } = this.#deps;
    const [seen] = await db.scanInBackground<Seen>({ text: OLDEST, values: [heldHorizonMs / 1_000] });
    if (seen === undefined) return [];
    const grant = `GRANT pg_read_all_stats TO ${seen.role}`;
    if (seen.someAreHidden) this.#logHidden(grant);
    return seen.oldest.map((holder) => noticeOf(holder, grant));
  }

  /** Logs once. A user with few rights is fine, but the operator should know what such a user cannot see. */
  #logHidden(missing: string): void {
    if (this.#hasLoggedHidden) return;
    this.#hasLoggedHidden = true;
    const { logger, storage, heldHorizonMs } = this.#deps;
    logger.info(
      'since when transactions of other users are open is hidden; one that keeps dead rows is named after ' +
        `${HELD_FOR_TRANSACTIONS} further transactions, not after ${heldHorizonMs / 1_000} s`,
      { storage, missing },
    );
  }
}

function noticeOf({ kind, holder, seconds, transactions, hidden }: Holder, grant: string): HeldHorizonNotice {
  const since = seconds > 0 ? `for ${Math.round(seconds)} s` : `over ${transactions} transactions`;
  const remedy = hidden ? `; since when is hidden, missing: ${grant}` : '';
  const text = `dead rows are kept by ${holder}, ${since}${remedy}`;
  return { kind: 'held-horizon', text, holder: kind, seconds, transactions };
}
