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
  DUE_BEFORE,
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
import { HAS_REQUEUE_LOCK, MAY_REQUEUE } from '../sql/requeue-lock.ts';
import { ITEM_COLUMNS, type ItemRow, readItem } from '../sql/row-to-item.ts';
import { textArray } from '../wire/binary-array.ts';
import { instantFromText, instantToText } from '../wire/instant-text.ts';

/**
 * A taken item is scheduled at the last instant, and expires then. So every version of the
 * server passes it by. The column `metadata` says which task has taken it.
 */
const LAST = `'${instantToText(LAST_INSTANT)}'::timestamptz`;

/** Whether the time for a take, $5, is over. A null has no end. */
const IS_LATE = `coalesce(${nowSql('$4')} >= $5::timestamptz, false)`;

/** Which items that no task has taken may be taken, by the state that is asked for. */
const MAY_TAKE = {
  waiting: `CASE ${HELD_STATE} WHEN 'waiting' THEN true WHEN 'scheduled' THEN ${TAKEN_BY} = $2 AND NOT ${TAKEN_MARKED} END`,
  scheduled: `${HELD_STATE} = 'scheduled'
        AND CASE WHEN ${TAKEN_BY} IS NULL THEN ${MAY_REQUEUE} ELSE ${TAKEN_BY} = $2 AND NOT ${TAKEN_MARKED} END`,
} as const;

/**
 * Locks rows in the order of ids, so that callers with ids in common cannot deadlock. A sweep
 * gives scheduled items new ids, so these are taken under its lock only; see `transfer`.
 */
const takeInState = (state: keyof typeof MAY_TAKE) => (table: string) =>
  `
  WITH locked AS MATERIALIZED (
    SELECT id, ${CONTENT_BYTES} AS bytes FROM ${table}
    WHERE id = ANY ($1::text[])
      AND NOT ${IS_LATE}
      AND ${MAY_TAKE[state]}
    ORDER BY id FOR UPDATE),
  measured AS MATERIALIZED (SELECT id, ${bytesBefore('bytes')} AS bytes_before FROM locked),
  taken AS (
    UPDATE ${table} SET enqueue_at = ${LAST}, expire_deadline = ${LAST},
      metadata = CASE WHEN ${TAKEN_BY} IS NULL THEN ${withTaken('$2::text', '$3::jsonb')} ELSE metadata END
    WHERE id = ANY (ARRAY(SELECT id FROM measured WHERE ${withinBudget('bytes_before')}))
    RETURNING ${ITEM_COLUMNS.join(', ')}, metadata::text, ${TAKEN_TARGET} AS target, ${DUE_BEFORE} AS due)
  SELECT taken.*, ARRAY(SELECT id FROM measured WHERE NOT ${withinBudget('bytes_before')}) AS left_over, late,
    ${HAS_REQUEUE_LOCK} AS granted
  FROM (SELECT ${IS_LATE} AS late) AS fence LEFT JOIN taken ON true`;

/** Finds the items by the index of schedules. */
const listTaken = (table: string) => `
  SELECT id, ${TAKEN_TARGET} AS target, ${DUE_BEFORE} AS due, ${TAKEN_MARKED} AS marked FROM ${table}
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
    UPDATE ${table} SET enqueue_at = ${DUE_BEFORE}, expire_deadline = ${DEADLINE_BEFORE}, metadata = ${WITHOUT_TAKEN}
    WHERE id = ANY ($1::text[]) AND ${TAKEN_BY} = $2 AND NOT ${TAKEN_MARKED} RETURNING id)
  SELECT id FROM returned`;

const removeItems = (table: string) => `
  DELETE FROM ${table} WHERE id = ANY ($1::text[]) AND ${TAKEN_BY} = $2 AND ${TAKEN_MARKED}`;

type TakenRow = ItemRow & {
  readonly target: string;
  readonly due: string | null;
  readonly left_over: readonly ItemId[];
  readonly late: boolean;
  readonly granted: boolean;
};

/** Takes items for a task. */
export async function takeItems(
  context: PartitionContext,
  { task, ids, state = 'waiting', target, before }: TakeRequest,
): Promise<TakeResult> {
  const { db, table } = context;
  const { fault } = table.metadata;
  if (fault !== undefined) throw metadataUnavailable(fault);
  const statement = {
    ...table.prepared(state === 'waiting' ? 'take_items' : 'take_scheduled', takeInState(state)),
    values: [
      ...[idArray(ids), task, JSON.stringify(target), nowParameter(context)],
      before === undefined ? null : instantToText(before),
    ],
  };
  const rows =
    state === 'scheduled'
      ? await table.requeueLock.run<TakenRow>(context, statement)
      : await db.write<TakenRow>(statement);
  if (rows[0]?.late === true) throw takenTooLate();
  const read = readItem(true);
  // One row without an item tells that none was taken.
  const found = rows.filter(({ id }) => id !== null);
  const taken = found.map((row) => ({ ...read(row), ...placeOf(row), isMarked: false }));
  const isRefused = state === 'scheduled' && rows[0]?.granted !== true;
  const got = new Set(taken.map(({ id }) => id));
  return {
    taken: taken.sort((a, b) => (a.id < b.id ? -1 : 1)),
    left: isRefused ? ids.filter((id) => isPossibleId(id) && !got.has(id)) : (rows[0]?.left_over ?? []),
  };
}

interface ListedRow {
  readonly id: ItemId;
  readonly target: string;
  readonly due: string | null;
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
  return rows.map((row) => ({ id: row.id, ...placeOf(row), isMarked: row.marked }));
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

/** Undoes a take. @returns the ids of the items that are no longer taken. */
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

function placeOf({ target, due }: Pick<TakenRow, 'target' | 'due'>): Pick<TakenItem, 'target' | 'dueAt'> {
  return {
    target: JSON.parse(target) as TakenTarget,
    ...(due !== null && { dueAt: instantFromText(due) }),
  };
}
