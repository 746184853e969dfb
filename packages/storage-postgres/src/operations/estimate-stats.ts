import type { PartitionStats } from '@querator/core';
import { nowParameter, type PartitionContext } from '../sql/partition-table.ts';
import { COUNTED, COUNTS, fromSeconds, headSeconds, NOTHING } from './count-sql.ts';

/** A greater table is not read as a whole. In bytes. */
const WHOLE_BYTES = 8_000_000;
/** Items of such a table that are counted one by one. */
const FEW_ITEMS = 10_000;
/** Items in one state that are counted one by one. */
const FEW_IN_STATE = 5_000;

type State = keyof typeof COUNTED;
const STATES = Object.keys(COUNTED) as readonly State[];

/** Each state has an index of its own, which leads to the items in it, however many others there are. */
const fewInState = (table: string, state: State) => `
  (SELECT count(*)::int FROM (SELECT FROM ${table} WHERE ${COUNTED[state]} LIMIT ${FEW_IN_STATE + 1}) AS found)
    AS few_${state}`;

/**
 * Reads a small table as a whole. Of a great one, whose pages may be mostly empty, it
 * reads the first items by their index. If there are more, it counts the states that have
 * few items. The others are estimated by a part of the pages, chosen at random, of
 * `WHOLE_BYTES` together.
 */
const estimate = (table: string) => `
  WITH file AS MATERIALIZED (
    SELECT least(1, ${WHOLE_BYTES}::float8 / greatest(pg_relation_size('${table.replaceAll("'", "''")}'::regclass), 1))
      AS part),
  few AS MATERIALIZED (
    SELECT count(*)::int AS items, ${COUNTS} FROM (SELECT * FROM ${table}
      WHERE (SELECT part FROM file) < 1 ORDER BY id LIMIT ${FEW_ITEMS}) AS first),
  sampled AS MATERIALIZED (
    SELECT ${COUNTS} FROM ${table} TABLESAMPLE SYSTEM ((SELECT 100 * part FROM file))
      WHERE (SELECT part FROM file) = 1 OR (SELECT items FROM few) = ${FEW_ITEMS})
  SELECT file.part, few.items,
    ${STATES.map((state) => `CASE few.items WHEN ${FEW_ITEMS} THEN 0 ELSE few.${state} END + sampled.${state} AS ${state}`)},
    counted.*, ${headSeconds(table)} AS head_seconds
  FROM file, few, sampled LEFT JOIN LATERAL (
    SELECT ${STATES.map((state) => fewInState(table, state))}
    WHERE (SELECT items FROM few) = ${FEW_ITEMS}) AS counted ON true`;

type EstimateRow = Readonly<Record<State, number>> &
  Readonly<Record<`few_${State}`, number | null>> & {
    readonly part: number;
    readonly items: number;
    readonly head_seconds: number | null;
  };

/** Counts as far as it takes little, and estimates the rest. */
export async function estimateStats(context: PartitionContext): Promise<PartitionStats> {
  const { db, table } = context;
  const statement = { text: estimate(table.name), values: [nowParameter(context)] };
  const [row] = await db.readInBackground<EstimateRow>(statement);
  return row === undefined
    ? NOTHING
    : { ...NOTHING, ...countsOf(row), headAge: fromSeconds(row.head_seconds) };
}

function countsOf(row: EstimateRow): Pick<PartitionStats, State | 'estimated'> {
  if (row.items < FEW_ITEMS) return { waiting: row.waiting, leased: row.leased, scheduled: row.scheduled };
  const isFew = (state: State) => (row[`few_${state}`] ?? 0) <= FEW_IN_STATE;
  const countOf = (state: State) => {
    const few = row[`few_${state}`] ?? 0;
    return isFew(state) ? few : Math.max(few, Math.round(row[state] / row.part));
  };
  return {
    ...{ waiting: countOf('waiting'), leased: countOf('leased'), scheduled: countOf('scheduled') },
    estimated: !STATES.every(isFew),
  };
}
