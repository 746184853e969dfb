import { type ItemListRequest, isBudgetSpent, PAYLOAD_BUDGET, type StoredItem } from '@querator/core';
import { PREPARED_LETTER } from '../sql/item-state.ts';
import type { PartitionContext } from '../sql/partition-table.ts';
import { bytesBefore, CONTENT_BYTES } from '../sql/payload-budget.ts';
import { ITEM_COLUMNS, type ItemRow, readItem } from '../sql/row-to-item.ts';

const COLUMNS = ITEM_COLUMNS.join(', ');

/** The columns of a page: as they are read from the table, and by their names. */
interface PageColumns {
  readonly read: string;
  readonly names: string;
}

const PLAIN: PageColumns = { read: COLUMNS, names: COLUMNS };
const DETAILED: PageColumns = {
  read: `${COLUMNS}, metadata::text AS metadata`,
  names: `${COLUMNS}, metadata`,
};

const numbered = (columns: string) => `${columns}, ${bytesBefore(`(${CONTENT_BYTES})`)} AS bytes_before,
  row_number() OVER () AS position`;
/** At least two items: the pivot is inclusive, so the next page has to go further than it. */
const WITHIN_PAGE = '(page.position <= 2 OR page.bytes_before < $3::bigint)';

/** Up to this number, the scheduled items are sorted for a page. */
const FEW_SCHEDULED = 10_000;

const IN_STATE: Readonly<Record<ItemListRequest['state'], string>> = {
  queued: `enqueue_at IS NULL AND NOT ${PREPARED_LETTER}`,
  scheduled: 'enqueue_at IS NOT NULL',
  prepared: `enqueue_at IS NULL AND ${PREPARED_LETTER}`,
};

/** Walks the primary key, which is fast if a large part of all items matches. */
const listItems = (condition: string, columns: PageColumns) => (table: string) =>
  `
  SELECT ${columns.names} FROM (
    SELECT ${numbered(columns.read)} FROM (
      SELECT * FROM ${table}
      WHERE id >= $1 AND ${condition}
      ORDER BY id LIMIT $2) AS asked) AS page
  WHERE ${WITHIN_PAGE}`;

/**
 * A few scheduled items may lie behind millions of waiting ones. No index has them in
 * the order of ids. So as long as they are few, they are read from the index on
 * `enqueue_at` and sorted.
 */
const listFewScheduled = (columns: PageColumns) => (table: string) =>
  `
  WITH scheduled AS MATERIALIZED (
    SELECT ${columns.read} FROM ${table} WHERE enqueue_at IS NOT NULL ORDER BY enqueue_at LIMIT ${FEW_SCHEDULED + 1}),
  found AS (SELECT count(*) AS number FROM scheduled)
  SELECT found.number::int, page.* FROM found LEFT JOIN (
    SELECT ${numbered(columns.names)} FROM (
      SELECT * FROM scheduled WHERE id >= $1 ORDER BY id LIMIT $2) AS sorted) AS page
    ON found.number <= ${FEW_SCHEDULED} AND ${WITHIN_PAGE}`;

/**
 * A page of items in the order of their ids. Without `maxBytes` it has `limit` items,
 * which takes several statements if they are large.
 */
export async function list(
  context: PartitionContext,
  request: ItemListRequest,
): Promise<readonly StoredItem[]> {
  if (request.maxBytes !== undefined) return listChunk(context, request);
  const page: StoredItem[] = [];
  let { pivot, limit } = request;
  for (;;) {
    const chunk = await listChunk(context, { ...request, pivot, limit });
    // One at a time: a call cannot have a hundred thousand arguments.
    for (const item of chunk) page.push(item);
    limit -= chunk.length;
    if (limit === 0 || !isBudgetSpent(chunk)) return page;
    // The least text that is greater than the last id.
    pivot = `${chunk.at(-1)?.id}\u0001`;
  }
}

/** The items within `maxBytes`, and at least two. */
async function listChunk(
  { db, table }: PartitionContext,
  { state, pivot, limit, maxBytes = PAYLOAD_BUDGET, details }: ItemListRequest,
): Promise<readonly StoredItem[]> {
  const values = [pivot, limit, maxBytes];
  const isDetailed = details === true && table.metadata.isThere;
  const [columns, suffix] = isDetailed ? [DETAILED, '_details'] : [PLAIN, ''];
  const toItem = readItem(isDetailed);
  if (state === 'scheduled') {
    const few = table.prepared(`list_few_scheduled${suffix}`, listFewScheduled(columns));
    const rows = await db.read<ItemRow & { number: number }>({ ...few, values });
    if ((rows[0]?.number ?? 0) <= FEW_SCHEDULED) {
      return sortedById(rows.filter(({ id }) => id !== null).map(toItem));
    }
  }
  const name = `${state === 'queued' ? 'list' : `list_${state}`}${suffix}`;
  const statement = table.prepared(name, listItems(IN_STATE[state], columns));
  const rows = await db.read<ItemRow>({ ...statement, values });
  return sortedById(rows.map(toItem));
}

/** The order of the statement's rows is not defined. Ids are ASCII, so JavaScript's order is byte order. */
function sortedById(items: StoredItem[]): StoredItem[] {
  return items.sort((a, b) => (a.id < b.id ? -1 : 1));
}
