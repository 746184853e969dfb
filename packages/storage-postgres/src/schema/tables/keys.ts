import { keysTableName, partitionLabel } from '../../sql/table-name.ts';
import { bigint, index, pgTable, text } from '../drizzle.ts';
import { bytewiseText, timestamptz } from './column-types.ts';

/**
 * The dedup keys of one partition. Created at the first produce with a key, so that
 * partitions without keys have nothing of it. Servers that do not know it can work
 * beside it.
 *
 * The ids that the items of a key got are stored in short: their numbers follow each
 * other, and only their random ends differ.
 */
export function keysTable(queue: string, partition: number) {
  const key = { queue, partition };
  return pgTable(
    keysTableName(key),
    {
      key: bytewiseText('key').primaryKey(),
      /** The number in the id of the first item. */
      firstNumber: bigint('first_number', { mode: 'bigint' }).notNull(),
      /** The random ends of the ids, one after the other. */
      randomEnds: text('random_ends').notNull(),
      /** The end of the window. */
      endsAt: timestamptz('ends_at').notNull(),
    },
    (held) => [index(`idx_${partitionLabel(key)}_key`).on(held.endsAt)],
  );
}
