import type { CarriedChanges, CarriedItems, CarriedKeys, ItemId } from '@querator/core';
import { KEY_COLUMNS, type KeyRow, rowToKey } from '../sql/key-rows.ts';
import { bytesBefore, CONTENT_BYTES, withinBudget } from '../sql/payload-budget.ts';
import { ITEM_COLUMNS } from '../sql/row-to-item.ts';
import { textArray } from '../wire/binary-array.ts';
import { type CarriedRow, rowToCarried } from './carried-rows.ts';
import { changesOf, type MoveContext } from './move-session.ts';

type PageRow = CarriedRow & { readonly found: string };

/** SQL for all columns, and for their bytes. */
function columnsOf({ table }: MoveContext): string {
  const metadata = table.metadata.isThere ? 'metadata::text' : 'NULL::text';
  return `${ITEM_COLUMNS.join(', ')}, ${metadata} AS metadata, ${CONTENT_BYTES} AS bytes`;
}

/** Rows in the order of a query, until the payload budget is spent. `found` is the number of all. */
const withinPage = (query: string) => `
  WITH page AS MATERIALIZED (${query}),
  measured AS (SELECT *, ${bytesBefore('bytes')} AS bytes_before, count(*) OVER () AS found FROM page)
  SELECT * FROM measured WHERE ${withinBudget('bytes_before')}`;

/** Items from the last one to the first. */
export async function readItems(
  context: MoveContext,
  before: ItemId | undefined,
  limit: number,
): Promise<CarriedItems> {
  const condition = before === undefined ? '' : 'WHERE id < $2';
  const rows = await context.db.read<PageRow>({
    text: withinPage(
      `SELECT ${columnsOf(context)} FROM ${context.table.name} ${condition} ORDER BY id DESC LIMIT $1::bigint`,
    ),
    values: before === undefined ? [limit] : [limit, before],
  });
  const found = Number(rows[0]?.found ?? 0);
  const hasMore = found === limit || rows.length < found;
  return { items: rows.map(rowToCarried), next: hasMore ? rows.at(-1)?.id : undefined };
}

/** Dedup keys in byte order. */
export async function readKeys(
  { db, table }: MoveContext,
  after: string | undefined,
  limit: number,
): Promise<CarriedKeys> {
  const condition = after === undefined ? '' : 'WHERE key > $2';
  const rows = await db.read<KeyRow>({
    text: `SELECT ${KEY_COLUMNS} FROM ${table.keysName} ${condition} ORDER BY key LIMIT $1::bigint`,
    values: after === undefined ? [limit] : [limit, after],
  });
  return { keys: rows.map(rowToKey), next: rows.length === limit ? rows.at(-1)?.key : undefined };
}

interface ChangeRow {
  /** A BIGINT is a text. */
  readonly number: string;
  readonly kind: 'item' | 'key' | 'anew';
  readonly id: string;
}

/** The entries first, and then what they name: it is as new as each of them, or newer. */
export async function readChanges(context: MoveContext, limit: number): Promise<CarriedChanges> {
  const { db, table } = context;
  const changes = await db.read<ChangeRow>({
    text: `SELECT number, kind, id FROM ${changesOf(context)} WHERE items_table = $1
      ORDER BY items_table, number LIMIT $2::bigint`,
    values: [table.relation, limit],
  });
  const idsOf = (kind: ChangeRow['kind']) => [
    ...new Set(changes.filter((each) => each.kind === kind).map(({ id }) => id)),
  ];
  const [itemIds, keyIds] = [idsOf('item').sort(), idsOf('key')];
  const rows =
    itemIds.length === 0
      ? []
      : await db.read<PageRow>({
          text: withinPage(
            `SELECT ${columnsOf(context)} FROM ${table.name} WHERE id = ANY ($1::text[]) ORDER BY id`,
          ),
          values: [textArray(itemIds)],
        });
  // What is beyond the budget keeps its entries.
  const last = rows.length < Number(rows[0]?.found ?? 0) ? rows.at(-1)?.id : undefined;
  const isRead = (id: ItemId) => last === undefined || id <= last;
  const present = new Set(rows.map(({ id }) => id));
  const keys =
    keyIds.length === 0
      ? []
      : await db.read<KeyRow>({
          text: `SELECT ${KEY_COLUMNS} FROM ${table.keysName} WHERE key = ANY ($1::text[])`,
          values: [textArray(keyIds)],
        });
  const settled = changes.filter(({ kind, id }) => kind !== 'item' || isRead(id));
  return {
    entries: settled.map(({ number }) => number),
    items: rows.map(rowToCarried),
    gone: itemIds.filter((id) => isRead(id) && !present.has(id)),
    keys: keys.map(rowToKey),
    anew: changes.some(({ kind }) => kind === 'anew'),
    more: changes.length === limit || settled.length < changes.length,
  };
}
