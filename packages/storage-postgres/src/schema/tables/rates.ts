import { bigint, jsonb, pgTable, primaryKey } from '../drizzle.ts';
import { bytewiseText, timestamptz } from './column-types.ts';

const count = (name: string) => bigint(name, { mode: 'number' }).notNull();

/**
 * What happened to the items of queues in each minute; see core's `RateStore`. This table
 * has no version, since servers that do not know it can work beside it. It is created when
 * the first counts are added.
 *
 * The key begins with the minute: the rows that a call adds lie together, and so do old ones.
 */
export const ratesTable = pgTable(
  'querator_rates',
  {
    minute: timestamptz('minute').notNull(),
    /** The name of the queue, in ASCII as a part of JSON. */
    queue: bytewiseText('queue').notNull(),
    produced: count('produced'),
    leased: count('leased'),
    completed: count('completed'),
    retried: count('retried'),
    dead: count('dead'),
    /** What the queue held, as core's `QueueDepthSample`. Tables of earlier versions get it later: see `DepthColumn`. */
    depth: jsonb('depth'),
  },
  (rates) => [primaryKey({ columns: [rates.minute, rates.queue] })],
);
