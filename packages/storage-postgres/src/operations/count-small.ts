import type { Clock, CountedPartition, PartitionCounts } from '@querator/core';
import type { Database } from '../database/database.ts';
import { claimOn, ownerFromComment, ownerOf } from '../schema/table-owner.ts';
import { nowParameter, nowSql } from '../sql/partition-table.ts';
import { itemsTableName } from '../sql/table-name.ts';
import { COUNTED, COUNTS, fromSeconds, NOTHING } from './count-sql.ts';
import { readTables, type TableRow } from './read-tables.ts';
import type { FoundTable, ReadableTables } from './readable-tables.ts';

/** A greater table is not small. In bytes: 20,000 items without a payload. */
const SMALL_BYTES = 4_000_000;
/** The number of tables that one statement counts. */
const TABLES_AT_ONCE = 100;
/** The number of tables whose sizes one statement finds. */
const FOUND_AT_ONCE = 500;
/** What a count looks at. */
const COLUMNS =
  'id, is_leased, enqueue_at, max_attempts, attempts, expire_deadline, lease_deadline, created_at';
/** The bytes that one statement reads. */
const BYTES_AT_ONCE = 16_000_000;

interface CountRow extends TableRow {
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
  readonly head_seconds: number | null;
}

const rowsOf = (table: string, position: number) => `
  SELECT ${position} AS position, ${COLUMNS} FROM ${table}`;

/**
 * One aggregate over the rows of all tables: ten times as fast as one for each, whose index
 * lookup for the head has to be planned. The head is the waiting row with the lowest id.
 */
const countRows = (rows: string) => `
  SELECT position, waiting, leased, scheduled,
    extract(epoch FROM ${nowSql('$1')})::float8 - split_part(head, ' ', 2)::float8 AS head_seconds
  FROM (
    SELECT position, ${COUNTS},
      min(id || ' ' || extract(epoch FROM created_at)) FILTER (WHERE ${COUNTED.waiting}) AS head
    FROM (${rows}) AS items GROUP BY position) AS counted`;

/** Dependencies of counting small tables. */
export interface CountSmallContext {
  readonly db: Database;
  readonly tables: ReadableTables;
  readonly clock: Clock | undefined;
}

/** Counts small tables, many per statement. */
export async function countSmall(
  context: CountSmallContext,
  partitions: readonly CountedPartition[],
): Promise<readonly (PartitionCounts | undefined)[]> {
  const counts: (PartitionCounts | undefined)[] = [];
  for (let start = 0; start < partitions.length; start += FOUND_AT_ONCE) {
    counts.push(...(await countSome(context, partitions.slice(start, start + FOUND_AT_ONCE))));
  }
  return counts;
}

async function countSome(
  context: CountSmallContext,
  partitions: readonly CountedPartition[],
): Promise<readonly (PartitionCounts | undefined)[]> {
  const names = partitions.map(itemsTableName);
  const found = await context.tables.find(names);
  const small = partitions.flatMap((partition, n) => {
    const table = found.get(names[n] ?? '');
    return table !== undefined && mayCount(partition, table) ? [table] : [];
  });
  const counted = new Map<string, PartitionCounts>();
  for (const group of grouped(small)) await countGroup(context, group, counted);
  return names.map((name) => (found.has(name) ? counted.get(name) : NOTHING));
}

function mayCount({ createdAt, ...key }: CountedPartition, { bytes, comment, mayRead }: FoundTable): boolean {
  const claim = claimOn(ownerFromComment(comment), ownerOf(key, createdAt));
  return mayRead && bytes <= SMALL_BYTES && (claim === 'own' || claim === 'unnamed');
}

/** Groups of tables that one statement counts. */
function grouped(tables: readonly FoundTable[]): readonly (readonly FoundTable[])[] {
  const groups: FoundTable[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const table of tables) {
    const last = groups.at(-1);
    if (last === undefined || last.length >= TABLES_AT_ONCE || bytes + table.bytes > BYTES_AT_ONCE) {
      groups.push([table]);
      bytes = table.bytes;
    } else {
      last.push(table);
      bytes += table.bytes;
    }
  }
  return groups;
}

async function countGroup(
  { db, clock }: CountSmallContext,
  group: readonly FoundTable[],
  counted: Map<string, PartitionCounts>,
): Promise<void> {
  const rows = await readTables(group, {
    size: TABLES_AT_ONCE,
    prepare: ({ name }) => db.schema.relation(name),
    read: (tables: readonly string[]) =>
      db.scanInBackground<CountRow>({
        text: countRows(tables.map(rowsOf).join(' UNION ALL ')),
        values: [nowParameter({ clock })],
      }),
  });
  for (const [n, { name }] of group.entries()) {
    const row = rows[n];
    // A table that was dropped meanwhile held nothing.
    counted.set(name, row === undefined ? NOTHING : countsOf(row));
  }
}

function countsOf({ waiting, leased, scheduled, head_seconds }: CountRow): PartitionCounts {
  return { waiting, leased, scheduled, headAge: fromSeconds(head_seconds) };
}
