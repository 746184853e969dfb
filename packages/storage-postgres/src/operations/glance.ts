import type { PartitionGlance, PartitionKey } from '@querator/core';
import type { Database, Statement } from '../database.ts';
import { isUndefinedTable, PostgresError } from '../postgres-error.ts';
import { itemsTableName } from '../table-name.ts';
import { nextDueMs } from './sweep.ts';
import { type DueRow, dueOf, findDue } from './sweep-probe.ts';

/** So many tables are looked into for waiting items with one statement. */
const TABLES_PER_LOOK = 200;
/** The same for deadlines, which takes several times as long to plan. */
const TABLES_PER_LOOK_FOR_DEADLINES = 50;

const NOTHING: PartitionGlance = { waiting: false, nextDueMs: undefined };

interface GlanceRow extends Partial<DueRow> {
  readonly position: number;
  readonly waiting: boolean;
}

const WAITING = 'is_leased = false AND enqueue_at IS NULL';

const lookAt = (table: string, position: number) =>
  `SELECT ${position} AS position, true AS waiting WHERE EXISTS (SELECT 1 FROM ${table} WHERE ${WAITING})`;

const lookForDeadlinesAt = (table: string, position: number) => `
  SELECT ${position} AS position, EXISTS (SELECT 1 FROM ${table} WHERE ${WAITING}) AS waiting, due.*
  FROM (${findDue(table)}) AS due`;

/** What a glance works with. */
export interface GlanceContext {
  readonly db: Database;
  /** The parameter for "now"; see `nowParameter`. */
  readonly now: string | null;
  /** Whether to look for what comes due. */
  readonly deadlines: boolean;
}

/** Looks into many partitions, many in one statement. */
export async function glance(
  context: GlanceContext,
  keys: readonly PartitionKey[],
): Promise<readonly PartitionGlance[]> {
  const tables = keys.map((key) => context.db.schema.relation(itemsTableName(key)));
  const size = context.deadlines ? TABLES_PER_LOOK_FOR_DEADLINES : TABLES_PER_LOOK;
  const glances: PartitionGlance[] = [];
  for (let start = 0; start < tables.length; start += size) {
    glances.push(...(await glanceAtAll(context, tables.slice(start, start + size))));
  }
  return glances;
}

async function glanceAtAll(
  context: GlanceContext,
  tables: readonly string[],
): Promise<readonly PartitionGlance[]> {
  try {
    const rows = await context.db.look<GlanceRow>(statementFor(context, tables));
    const byPosition = new Map(rows.map((row) => [row.position, row]));
    return tables.map((_, position) => toGlance(byPosition.get(position)));
  } catch (error) {
    if (!(error instanceof PostgresError && isUndefinedTable(error.sqlState))) throw error;
  }
  if (tables.length === 1) return [NOTHING];
  // One of them was never used, or is gone: halving finds it with few statements.
  const half = Math.ceil(tables.length / 2);
  return [
    ...(await glanceAtAll(context, tables.slice(0, half))),
    ...(await glanceAtAll(context, tables.slice(half))),
  ];
}

/** Without a name: prepared, one for each group of tables as they come and go would fill the memory of every connection. */
function statementFor({ deadlines, now }: GlanceContext, tables: readonly string[]): Statement {
  if (deadlines) return { text: tables.map(lookForDeadlinesAt).join(' UNION ALL '), values: [now] };
  const text = tables.map(lookAt).join(' UNION ALL ');
  return { text };
}

function toGlance(row: GlanceRow | undefined): PartitionGlance {
  if (row === undefined) return NOTHING;
  const { expired } = row;
  const nextDue = expired === undefined ? undefined : nextDueMs(dueOf({ ...EMPTY_ROW, ...row, expired }));
  return { waiting: row.waiting, nextDueMs: nextDue };
}

const EMPTY_ROW: DueRow = { scheduled_ms: null, lease_ms: null, expired: false, expire_ms: null };
