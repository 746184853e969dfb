import type { MovedRows, NewItem, OutboxMove, Outcome } from '@querator/core';
import pg from 'pg';
import type { Database } from '../database/database.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { isRefusedData, refusedItems } from '../sql/refused-data.ts';
import { refuseMetadata } from '../sql/refused-metadata.ts';
import { hasMetadata } from './insert-items.ts';
import { insert } from './produce.ts';

/**
 * The lock on the settings keeps another relay, and an operator who removes rows, from
 * taking effect in between. Rows of a batch may be in a queue already.
 */
const removeRows = (s: string) => `
  WITH mine AS MATERIALIZED (SELECT FROM ${s}.settings WHERE relay = $1 FOR SHARE),
  gone AS (
    DELETE FROM ${s}.outbox USING mine WHERE queue = $2 AND id = ANY ($3::bigint[])
      AND NOT EXISTS (SELECT FROM ${s}.batches WHERE batches.queue = $2) RETURNING enqueued_at),
  cleared AS (DELETE FROM ${s}.faults USING mine WHERE queue = $2)
  SELECT count(*)::int AS rows,
    coalesce(extract(epoch FROM clock_timestamp() - min(enqueued_at)) * 1000, 0)::float8 AS "oldestMs" FROM gone`;

/** Rolls the transaction back. */
class RowsMissing extends Error {}

/** Removes rows of an outbox and stores their items, in one transaction; see core's `ProduceFromOutbox`. */
export async function produceFromOutbox(
  context: PartitionContext,
  items: readonly NewItem[],
  { outbox: { schema, token }, queue, ids }: OutboxMove,
  expireTimeout: Parameters<typeof insert>[3],
): Promise<Outcome<MovedRows> | undefined> {
  const refused = refuseMetadata(context, [{ items }], () => items.some(hasMetadata));
  if (refused !== undefined) return (await refused<MovedRows>(async () => []))[0];
  try {
    return await context.db.transaction(async (session) => {
      const [gone] = await session.query<{ readonly rows: number; readonly oldestMs: number }>({
        name: `outbox_remove_${schema}`,
        text: removeRows(pg.escapeIdentifier(schema)),
        values: [token, queue, `{${ids.join(',')}}`],
      });
      if (gone?.rows !== ids.length) throw new RowsMissing();
      const [stored] = await insert(
        (statement) => session.query(statement),
        context,
        [{ items }],
        expireTimeout,
      );
      return { ok: true, value: { waiting: 0, scheduled: 0, ...stored, oldestMs: gone.oldestMs } };
    });
  } catch (error) {
    if (error instanceof RowsMissing) return undefined;
    if (!isRefusedData(error)) throw error;
    return { ok: false, error: await refusedItems(context.db, error, items) };
  }
}

const RIGHTS = [
  ['settings', 'SELECT, UPDATE'],
  ['outbox', 'SELECT, DELETE'],
  ['batches', 'SELECT'],
  ['faults', 'SELECT, DELETE'],
] as const;

/** Whether an outbox is in this database, and its rows may be removed. A copy of the database has another token. */
export async function hasOutbox(db: Database, { schema, token }: OutboxMove['outbox']): Promise<boolean> {
  const s = pg.escapeIdentifier(schema);
  const names = RIGHTS.map(([table]) => `${s}.${table}`);
  const [there] = await db.read<{ readonly there: boolean }>({
    text: `SELECT ${names.map((name) => `to_regclass(${pg.escapeLiteral(name)}) IS NOT NULL`).join(' AND ')} AS there
      FROM pg_namespace WHERE nspname = ${pg.escapeLiteral(schema)} AND has_schema_privilege(oid, 'USAGE')`,
  });
  if (there?.there !== true) return false;
  // PostgreSQL takes a list of rights as any of them.
  const rights = RIGHTS.flatMap(([, list], n) =>
    list
      .split(', ')
      .map((right) => `has_table_privilege(${pg.escapeLiteral(names[n] as string)}, '${right}')`),
  );
  const [allowed] = await db.read<{ readonly allowed: boolean }>({
    text: `SELECT ${rights.join(' AND ')} AS allowed`,
  });
  if (allowed?.allowed !== true) return false;
  const [held] = await db.read({ text: `SELECT FROM ${s}.settings WHERE relay = $1`, values: [token] });
  return held !== undefined;
}
