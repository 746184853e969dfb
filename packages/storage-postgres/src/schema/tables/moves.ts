import { bigint, index, pgTable } from '../drizzle.ts';
import { bytewiseText } from './column-types.ts';

/**
 * The partitions that move to another storage, come from one, or have left. The gates of
 * their tables read it; see docs/adr/0041-a-partition-moves-as-a-copy.md.
 */
export const movesTable = pgTable('querator_moves', {
  /** The name of the partition's items table, in the same schema. */
  itemsTable: bytewiseText('items_table').primaryKey(),
  task: bytewiseText('task').notNull(),
  generation: bigint('generation', { mode: 'number' }).notNull(),
  /** The number of the transaction that has begun the move here. A generation may begin it again. */
  begun: bigint('begun', { mode: 'number' }).notNull(),
  /** Core's `GateState`. */
  state: bytewiseText('state').notNull(),
});

/** What has changed in tables that are being copied. Written by their triggers. */
export const changesTable = pgTable(
  'querator_changes',
  {
    /** From the sequence `querator_change`. */
    number: bigint('number', { mode: 'bigint' }).primaryKey(),
    itemsTable: bytewiseText('items_table').notNull(),
    /** `item`, `key`, or `anew`: everything. */
    kind: bytewiseText('kind').notNull(),
    /** The id of the item, or the dedup key. */
    id: bytewiseText('id').notNull(),
  },
  (change) => [index('idx_querator_changes_table').on(change.itemsTable, change.number)],
);
