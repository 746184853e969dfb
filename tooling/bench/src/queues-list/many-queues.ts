import { itemsTableName } from '@querator/storage-postgres';
import type pg from 'pg';

/** A transaction over more tables needs more locks than a server has by default. */
const TABLES_AT_ONCE = 200;

/**
 * Copies a queue many times, with its settings, its table and its items, by SQL: much faster
 * than by requests. The copies of indexes have other names than those of the server, which
 * lists and counts do not need.
 */
export async function copyQueue(admin: pg.Client, from: string, names: readonly string[]): Promise<void> {
  const table = itemsTableName({ queue: from, partition: 0 });
  await admin.query(
    `INSERT INTO querator_queues
     SELECT (jsonb_populate_record(queues, jsonb_build_object('name', copies.name))).*
     FROM querator_queues AS queues, unnest($2::text[]) AS copies (name) WHERE queues.name = $1`,
    [from, names],
  );
  for (let start = 0; start < names.length; start += TABLES_AT_ONCE) {
    const copies = names.slice(start, start + TABLES_AT_ONCE).map((queue) => {
      const copy = itemsTableName({ queue, partition: 0 });
      return `CREATE TABLE "${copy}" (LIKE "${table}" INCLUDING ALL); INSERT INTO "${copy}" SELECT * FROM "${table}";`;
    });
    await admin.query(copies.join('\n'));
  }
}
