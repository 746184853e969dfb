import { type Clock, type ItemId, millisecondsBetween } from '@querator/core';
import type { Database } from '../database/database.ts';
import { isStatementTimeout } from '../errors/postgres-error.ts';
import type { RunSerially } from '../pool/semaphore.ts';
import { boundAfter, numberIn } from '../sql/new-item-id.ts';
import type { PartitionTable } from '../sql/partition-table.ts';

/** The numbers of the sequence that the first step covers. */
const FIRST_STEP = 4_096n;
/** After a shorter step, the next one is larger. */
const SHORT_MS = 20;
/** After a longer step, the next one is smaller. */
const LONG_MS = 200;

/** Dependencies of a walk. */
export interface WalkContext {
  readonly db: Pick<Database, 'read'>;
  readonly table: PartitionTable;
  readonly clock: Clock;
  readonly runSerially: RunSerially;
}

const waitingBetween = (table: string) => `
  SELECT id FROM ${table} WHERE is_leased = false AND enqueue_at IS NULL AND id >= $1 AND id < $2
  ORDER BY is_leased, enqueue_at, id LIMIT 1`;

/**
 * The first waiting item from one id to below another. Any number of dead entries may
 * lie between them, so this walks in steps over numbers of the sequence. Each step is
 * a statement that takes a fraction of a second, and other reads run in between. A
 * step that reaches the statement's time limit is made smaller, so that no part is
 * walked twice.
 */
export async function firstWaiting(
  { db, table, clock, runSerially }: WalkContext,
  from: ItemId,
  to: ItemId,
): Promise<ItemId | undefined> {
  const end = numberIn(to);
  let next = numberIn(from);
  let start = from;
  let size = FIRST_STEP;
  while (start < to) {
    const bound = next + size > end ? to : boundAfter(next + size - 1n);
    const values = [start, bound];
    const begun = clock.now();
    try {
      const [row] = await runSerially(() =>
        db.read<{ id: ItemId }>({ text: waitingBetween(table.name), values }),
      );
      if (row !== undefined) return row.id;
    } catch (error) {
      if (!isStatementTimeout(error) || size === 1n) throw error;
      size = size / 8n || 1n;
      continue;
    }
    start = bound;
    next += size;
    const tookMs = millisecondsBetween(begun, clock.now());
    if (tookMs < SHORT_MS) size *= 4n;
    else if (tookMs > LONG_MS) size = size / 2n || 1n;
  }
  return undefined;
}
