import {
  type ItemId,
  LAST_INSTANT,
  type MarkResult,
  metadataUnavailable,
  type TakenIds,
  type TakenItem,
  type TakenTarget,
  type TakeRequest,
  type TakeResult,
  takenTooLate,
} from '@querator/core';
import {
  DEADLINE_BEFORE,
  TAKEN_BY,
  TAKEN_MARKED,
  TAKEN_TARGET,
  WITH_TAKEN_MARK,
  WITHOUT_TAKEN,
  withTaken,
} from '../sql/item-details.ts';
import { HELD_STATE } from '../sql/leased-items.ts';
import { nowParameter, nowSql, type PartitionContext } from '../sql/partition-table.ts';
import { bytesBefore, CONTENT_BYTES, withinBudget } from '../sql/payload-budget.ts';
import { isPossibleId } from '../sql/refused-data.ts';
import { ITEM_COLUMNS, type ItemRow, readItem } from '../sql/row-to-item.ts';
import { textArray } from '../wire/binary-array.ts';
import { instantToText } from '../wire/instant-text.ts';

/**
 * A taken item is scheduled at the last instant, and expires then. So every version of the
 * server passes it by. The column `metadata` says which task has taken it.
 */
const LAST = `'${instantToText(LAST_INSTANT)}'::timestamptz`;

/** Whether the time for a take, $5, is over. A null has no end. */
const IS_LATE = `coalesce(${nowSql('$4')} >= $5::timestamptz, false)`;

/** Locks rows in the order of ids, so that callers with ids in common cannot deadlock. */
const takeWaiting = (table: string) => `
  WITH locked AS MATERIALIZED (
    SELECT id, ${CONTENT_BYTES} AS bytes FROM ${table}
    WHERE id = ANY ($1::text[])
      AND NOT ${IS_LATE}
      AND CASE ${HELD_STATE} WHEN 'waiting' THEN true WHEN 'scheduled' THEN ${TAKEN_BY} = $2 AND NOT ${TAKEN_MARKED} END
    ORDER BY id FOR UPDATE),
  measured AS MATERIALIZED (SELECT id, ${bytesBefore('bytes')} AS bytes_before FROM locked),
  taken AS (
    UPDATE ${table} SET enqueue_at = ${LAST}, expire_deadline = ${LAST},
      metadata = CASE WHEN ${TAKEN_BY} IS NULL THEN ${withTaken('$2::text', '$3::jsonb')} ELSE metadata END
    WHERE id = ANY (ARRAY(SELECT id FROM measured WHERE ${withinBudget('bytes_before')}))
    RETURNING ${ITEM_COLUMNS.join(', ')}, metadata::text, ${TAKEN_TARGET} AS target)
  SELECT taken.*, ARRAY(SELECT id FROM measured WHERE NOT ${withinBudget('bytes_before')}) AS left_over, late
  FROM (SELECT ${IS_LATE} AS late) AS fence LEFT JOIN taken ON true`;

/** Finds the items by the index of schedules. */
const listTaken = (table: string) => `
  SELECT id, ${TAKEN_TARGET} AS target, ${TAKEN_MARKED} AS marked FROM ${table}
  WHERE enqueue_at = ${LAST} AND ${TAKEN_BY} = $1 ORDER BY id LIMIT $2::bigint`;

const markTakenItems = (table: string) => `
  WITH named AS (
    SELECT id, ${TAKEN_MARKED} AS before FROM ${table} WHERE id = ANY ($1::text[]) AND ${TAKEN_BY} = $2
    ORDER BY id FOR UPDATE),
  marked AS (
    UPDATE ${table} AS item SET metadata = ${WITH_TAKEN_MARK}
    FROM named WHERE item.id = named.id AND NOT named.before)
  SELECT id, before FROM named`;

const returnItems = (table: string) => `
  WITH returned AS (
    UPDATE ${table} SET enqueue_at = NULL, expire_deadline = ${DEADLINE_BEFORE}, metadata = ${WITHOUT_TAKEN}
    WHERE id = ANY ($1::text[]) AND ${TAKEN_BY} = $2 AND NOT ${TAKEN_MARKED} RETURNING id)
  SELECT id FROM returned`;

const removeItems = (table: string) => `
  DELETE FROM ${table} WHERE id = ANY ($1::text[]) AND ${TAKEN_BY} = $2 AND ${TAKEN_MARKED}`;

type TakenRow = ItemRow & {
  readonly target: string;
  readonly left_over: readonly ItemId[];
  readonly late: boolean;
};

/** Takes waiting items for a task. */
export async function takeItems(
  context: PartitionContext,
  { task, ids, target, before }: TakeRequest,
): Promise<TakeResult> {
  const { db, table } = context;
  const { fault } = table.metadata;
  if (fault !== undefined) throw metadataUnavailable(fault);
  const rows = await db.write<TakenRow>({
    ...table.prepared('take_items', takeWaiting),
    values: [
      ...[idArray(ids), task, JSON.stringify(target), nowParameter(context)],
      before === undefined ? null : instantToText(before),
    ],
  });
  if (rows[0]?.late === true) throw takenTooLate();
  const read = readItem(true);
  // One row without an item tells that none was taken.
  const found = rows.filter(({ id }) => id !== null);
  const taken = found.map((row) => ({ ...read(row), target: targetOf(row.target), isMarked: false }));
  return {
    taken: taken.sort((a, b) => (a.id < b.id ? -1 : 1)),
    left: rows[0]?.left_over ?? [],
  };
}

interface ListedRow {
  readonly id: ItemId;
  readonly target: string;
  readonly marked: boolean;
}

/** The items that a task has taken. */
export async function takenItems(
  { db, table }: PartitionContext,
  task: string,
  limit: number,
): Promise<readonly TakenItem[]> {
  if (!table.metadata.isThere) return [];
  const rows = await db.read<ListedRow>({ text: listTaken(table.name), values: [task, limit] });
  return rows.map(({ id, target, marked }) => ({ id, target: targetOf(target), isMarked: marked }));
}

/** Marks taken items. */
export async function markTaken(
  { db, table }: PartitionContext,
  { task, ids }: TakenIds,
): Promise<MarkResult> {
  if (!table.metadata.isThere) return { marked: [], markedBefore: [] };
  const rows = await db.write<{ id: ItemId; before: boolean }>({
    text: markTakenItems(table.name),
    values: [idArray(ids), task],
  });
  const idsOf = (isBefore: boolean) => rows.filter(({ before }) => before === isBefore).map(({ id }) => id);
  return { marked: idsOf(false), markedBefore: idsOf(true) };
}

/** Undoes a take. @returns the ids of the items that wait again. */
export async function returnTaken(
  { db, table }: PartitionContext,
  { task, ids }: TakenIds,
): Promise<readonly ItemId[]> {
  if (!table.metadata.isThere) return [];
  const rows = await db.write<{ id: ItemId }>({
    text: returnItems(table.name),
    values: [idArray(ids), task],
  });
  return rows.map(({ id }) => id);
}

/** Removes marked items. */
export async function removeTaken({ db, table }: PartitionContext, { task, ids }: TakenIds): Promise<void> {
  if (!table.metadata.isThere) return;
  await db.write({ text: removeItems(table.name), values: [idArray(ids), task] });
}

function idArray(ids: readonly ItemId[]) {
  return textArray(ids.filter(isPossibleId));
}

function targetOf(text: string): TakenTarget {
  return JSON.parse(text) as TakenTarget;
}
