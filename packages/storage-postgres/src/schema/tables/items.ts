import type { PartitionKey } from '@querator/core';
import { METADATA_COLUMN } from '../../sql/metadata-column.ts';
import { itemsTableName, partitionLabel } from '../../sql/table-name.ts';
import { boolean, index, integer, jsonb, pgTable, sql, text, uniqueIndex } from '../drizzle.ts';
import { bytea, bytewiseText, timestamptz } from './column-types.ts';

/**
 * The table of one partition with its five indexes, as docs/storage/postgres.md
 * documents them. The DDL is rendered from this definition.
 *
 * `metadata` is null for an item that brought no metadata and never came back.
 *
 * `_lse` ends in `id`. Without it every lease would sort the whole backlog. The other
 * two columns are the same for all waiting items.
 */
export function itemsTable(queue: string, partition: number) {
  const key: PartitionKey = { queue, partition };
  const indexName = (kind: string) => `idx_${partitionLabel(key)}_${kind}`;
  return pgTable(
    itemsTableName(key),
    {
      id: bytewiseText('id').primaryKey(),
      sourceId: text('source_id'),
      isLeased: boolean('is_leased').notNull().default(false),
      leaseDeadline: timestamptz('lease_deadline'),
      expireDeadline: timestamptz('expire_deadline').notNull(),
      enqueueAt: timestamptz('enqueue_at'),
      createdAt: timestamptz('created_at').notNull(),
      attempts: integer('attempts').notNull().default(0),
      maxAttempts: integer('max_attempts').notNull().default(0),
      reference: text('reference').notNull().default(''),
      encoding: text('encoding').notNull().default(''),
      kind: text('kind').notNull().default(''),
      payload: bytea('payload'),
      metadata: jsonb(METADATA_COLUMN.name),
    },
    (item) => [
      uniqueIndex(indexName('src')).on(item.sourceId).where(sql`source_id IS NOT NULL`),
      index(indexName('lse'))
        .on(item.isLeased, item.enqueueAt, item.id)
        .where(sql`is_leased = false AND enqueue_at IS NULL`),
      index(indexName('sch')).on(item.enqueueAt).where(sql`enqueue_at IS NOT NULL`),
      index(indexName('dln')).on(item.leaseDeadline).where(sql`is_leased = true`),
      index(indexName('exp')).on(item.expireDeadline),
    ],
  );
}
