import { StorageError, type StorageNotice } from '@querator/core';
import type { Database } from '../database.ts';

/** Slots and standbys do not say since when they hold on; so many transactions since then say the same. */
const HELD_FOR_TRANSACTIONS = 100_000;

/**
 * Who keeps dead rows of this database from being removed: transactions,
 * prepared transactions, replication slots, and standbys that give feedback.
 * What other users' sessions do is seen by members of `pg_read_all_stats`
 * only; of slots only those who may see them.
 */
const HOLDERS = `
  SELECT 'session' AS kind, 'session ' || pid || concat(' (', concat_ws(', ', nullif(application_name, ''), usename, state), ')') AS holder,
      extract(epoch FROM statement_timestamp() - xact_start)::float8 AS seconds,
      greatest(age(backend_xmin), age(backend_xid)) AS transactions
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
      AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
  UNION ALL
  SELECT 'prepared-transaction', 'prepared transaction ' || quote_literal(gid), extract(epoch FROM statement_timestamp() - prepared)::float8,
      age(transaction)
    FROM pg_prepared_xacts WHERE database = current_database()
  UNION ALL
  SELECT 'replication-slot', 'replication slot ' || slot_name, 0, greatest(age(xmin), age(catalog_xmin))
    FROM pg_replication_slots WHERE xmin IS NOT NULL
  UNION ALL
  SELECT 'standby', 'standby ' || coalesce(nullif(application_name, ''), pid::text), 0, age(backend_xmin)
    FROM pg_stat_replication WHERE backend_xmin IS NOT NULL`;

const STATE =
  'SELECT pg_is_in_recovery() OR current_setting(\'transaction_read_only\')::boolean AS "readOnly"';

/** Of each kind the one that holds on since the most transactions ago, and of these the worst first. */
const OLDEST = `
  SELECT * FROM (
    SELECT DISTINCT ON (kind) kind, holder, seconds, transactions FROM (${HOLDERS}) AS holders
    WHERE (seconds > 0 AND seconds >= $1) OR (seconds = 0 AND transactions >= ${HELD_FOR_TRANSACTIONS})
    ORDER BY kind, transactions DESC, seconds DESC) AS oldest
  ORDER BY transactions DESC, seconds DESC`;

interface HolderRow {
  readonly kind: StorageNotice['holder'];
  readonly holder: string;
  readonly seconds: number;
  readonly transactions: number;
}

/** What a ping works with. */
export interface PingContext {
  readonly db: Database;
  /** Its name, for errors. */
  readonly storage: string;
  /** A transaction elsewhere that is open for longer is reported. */
  readonly heldHorizonMs: number;
}

/** Finds out whether the database can serve, and who makes its tables grow. */
export async function ping({ db, storage, heldHorizonMs }: PingContext): Promise<readonly StorageNotice[]> {
  const [state] = await db.read<{ readonly readOnly: boolean }>({ text: STATE });
  if (state?.readOnly === true) {
    const reason = `storage '${storage}': the server takes no writes; it is a standby, or read-only`;
    throw new StorageError(reason, { outcome: 'not-applied' });
  }
  const holders = await db.readWholeTable<HolderRow>({ text: OLDEST, values: [heldHorizonMs / 1_000] });
  return holders.map(({ kind, holder, seconds, transactions }) => {
    const since = seconds > 0 ? `for ${Math.round(seconds)} s` : `over ${transactions} transactions`;
    const text = `dead rows are kept by ${holder}, ${since}`;
    return { kind: 'held-horizon', text, holder: kind, seconds, transactions };
  });
}
