import type { ItemId, PartitionKey, PollResult } from '@querator/core';
import type { Database, Statement } from '../database/database.ts';
import { isLong } from '../low-water-mark/lease-index-size.ts';
import type { LowWaterMarks } from '../low-water-mark/low-water-marks.ts';
import { itemsTableName, leaseIndexName } from '../sql/table-name.ts';
import { readTables } from './read-tables.ts';
import { nextDueMs } from './sweep.ts';
import { type DueRow, dueOf, findDue } from './sweep-probe.ts';

/** The number of tables that one statement checks for waiting items. */
const TABLES_PER_POLL = 200;
/** The same with deadlines, which take several times as long to plan. */
const TABLES_PER_POLL_WITH_DEADLINES = 50;

const NOTHING: PollResult = { waiting: false, nextDueMs: undefined };

interface PollRow extends Partial<DueRow> {
  readonly position: number;
  readonly waiting: boolean;
}

/** A partition to poll. */
interface PolledTable {
  readonly table: string;
  /** The index that leases use, without its schema. */
  readonly index: string;
  /** See `LowWaterMark.pollFrom`. */
  readonly from: ItemId | 'unknown' | undefined;
}

/**
 * SQL for whether an item waits. True if the number of dead entries before the first
 * waiting item is unknown and may be large. A lease then finds out.
 *
 * @param mark the placeholder of {@link PolledTable.from} if that is a mark.
 */
function waits({ table, index, from }: PolledTable, mark: string): string {
  if (from === undefined) return 'true';
  const isKnown = from !== '' && from !== 'unknown';
  const found = `EXISTS (SELECT 1 FROM ${table}
    WHERE is_leased = false AND enqueue_at IS NULL${isKnown ? ` AND id >= ${mark}::text` : ''})`;
  return from === 'unknown' ? `CASE WHEN ${isLong(table, index)} THEN true ELSE ${found} END` : found;
}

const pollTable = (waiting: string, position: number) =>
  `SELECT ${position} AS position, true AS waiting WHERE ${waiting}`;

const pollWithDeadlines = (waiting: string, position: number, table: string) => `
  SELECT ${position} AS position, ${waiting} AS waiting, due.*
  FROM (${findDue(table)}) AS due`;

/** Dependencies of a poll. */
export interface PollContext {
  readonly db: Database;
  readonly marks: LowWaterMarks;
  /** The parameter for "now"; see `nowParameter`. */
  readonly now: string | null;
  /** Whether to check what is due next. */
  readonly deadlines: boolean;
}

/** Polls partitions, many per statement. */
export async function poll(
  context: PollContext,
  keys: readonly PartitionKey[],
): Promise<readonly PollResult[]> {
  const size = context.deadlines ? TABLES_PER_POLL_WITH_DEADLINES : TABLES_PER_POLL;
  const read = (tables: readonly PolledTable[]) =>
    context.db.readInBackground<PollRow>(statementFor(context, tables));
  const rows = await readTables(keys, { size, prepare: (key) => polledTable(context, key), read });
  return rows.map(toPollResult);
}

function polledTable({ db, marks }: PollContext, key: PartitionKey): PolledTable {
  const relation = itemsTableName(key);
  const mark = marks.known(relation);
  return {
    table: db.schema.relation(relation),
    index: leaseIndexName(key),
    from: mark === undefined ? 'unknown' : mark.pollFrom(),
  };
}

/** Unnamed: preparing a statement for each group of tables would fill the memory of every connection. */
function statementFor({ deadlines, now }: PollContext, tables: readonly PolledTable[]): Statement {
  const values: unknown[] = deadlines ? [now] : [];
  const polls = tables.map((each, position) => {
    const isMark = each.from !== undefined && each.from !== '' && each.from !== 'unknown';
    if (isMark) values.push(each.from);
    const waiting = waits(each, `$${values.length}`);
    return deadlines ? pollWithDeadlines(waiting, position, each.table) : pollTable(waiting, position);
  });
  return { text: polls.join(' UNION ALL '), values };
}

function toPollResult(row: PollRow | undefined): PollResult {
  if (row === undefined) return NOTHING;
  const { expired } = row;
  const nextDue = expired === undefined ? undefined : nextDueMs(dueOf({ ...EMPTY_ROW, ...row, expired }));
  return { waiting: row.waiting, nextDueMs: nextDue };
}

const EMPTY_ROW: DueRow = { scheduled_ms: null, lease_ms: null, expired: false, expire_ms: null };
