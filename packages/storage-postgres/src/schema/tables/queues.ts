import type { PartitionPlacement } from '@querator/core';
import { bigint, index, integer, jsonb, pgTable, sql, text, uniqueIndex } from '../drizzle.ts';
import { bytewiseText, timestamptz } from './column-types.ts';

/** The name of {@link queuesTable}. */
export const QUEUES = 'querator_queues';

/** The index of {@link QUEUE_HASH}. */
export const QUEUES_BY_HASH = 'querator_queues_hash';

/** SQL for the hash of a queue in the names of its tables; see `partitionLabel`. */
const QUEUE_HASH = '"left"(md5(name), 12)';

/**
 * The queues and their settings. Durations are nanoseconds, as in Go, so a client
 * reads back exactly what it set.
 */
export const queuesTable = pgTable(
  QUEUES,
  {
    name: bytewiseText('name').primaryKey(),
    namespace: bytewiseText('namespace').notNull(),
    leaseTimeoutNs: bigint('lease_timeout_ns', { mode: 'bigint' }).notNull(),
    expireTimeoutNs: bigint('expire_timeout_ns', { mode: 'bigint' }).notNull(),
    deadQueue: bytewiseText('dead_queue').notNull().default(''),
    maxAttempts: integer('max_attempts').notNull().default(0),
    reference: text('reference').notNull().default(''),
    requestedPartitions: integer('requested_partitions').notNull(),
    partitions: jsonb('partitions').$type<readonly PartitionPlacement[]>().notNull(),
    createdAt: timestamptz('created_at').notNull(),
    updatedAt: timestamptz('updated_at').notNull(),
  },
  (queue) => [
    index('querator_queues_namespace').on(queue.namespace, queue.name),
    // Table names contain a hash of the queue's name, so no two queues may have the same.
    uniqueIndex(QUEUES_BY_HASH).on(sql.raw(QUEUE_HASH)),
    index('querator_queues_dead_queue').on(queue.deadQueue, queue.name).where(sql`dead_queue <> ''`),
  ],
);
