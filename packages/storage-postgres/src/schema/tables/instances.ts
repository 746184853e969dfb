import type { InstanceRecord } from '@querator/core';
import { jsonb, pgTable } from '../drizzle.ts';
import { bytewiseText, timestamptz } from './column-types.ts';

/**
 * The processes that run; see core's `InstanceStore`. This table has no version, since
 * servers that do not know it can work beside it. It is created at the first heartbeat.
 *
 * What a process tells of itself is JSON: later versions add to it without changing
 * the table.
 */
export const instancesTable = pgTable('querator_instances', {
  id: bytewiseText('id').primaryKey(),
  startedAt: timestamptz('started_at').notNull(),
  heartbeatAt: timestamptz('heartbeat_at').notNull(),
  about: jsonb('about').$type<Omit<InstanceRecord, 'id'>>().notNull(),
});
