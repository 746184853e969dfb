import { type Clock, type Instant, UNSET_INSTANT } from '@querator/core';
import type { Database } from '../database/database.ts';
import { nowParameter, nowSql } from '../sql/partition-table.ts';
import { instantFromText } from '../wire/instant-text.ts';

/** The clock of the database. @param clock replaces it, for tests. */
export async function now(db: Database, clock: Clock | undefined): Promise<Instant> {
  const values = [nowParameter({ clock })];
  const [row] = await db.read<{ readonly now: string }>({
    text: `SELECT ${nowSql('$1')}::text AS now`,
    values,
  });
  return row === undefined ? UNSET_INSTANT : instantFromText(row.now);
}
