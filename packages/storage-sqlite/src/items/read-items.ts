import type { ItemListRequest, StoredItem } from '@querator/core';
import { idOf } from '../file/sequence.ts';
import type { Transaction } from '../file/transaction.ts';
import { type Packed, pack } from '../messages/packed-payloads.ts';
import { bytesOf } from './content-bytes.ts';
import { type InPartition, storedTableOf } from './in-partition.ts';
import {
  detailedItemOf,
  type ItemRow,
  itemOf,
  LIKE_SCHEDULED,
  QUEUED,
  ROW_COLUMNS,
  STATE,
} from './item-row.ts';
import type { ItemTable } from './item-table.ts';

/** How many places of items are looked up at once. */
const PLACES_AT_ONCE = 500;

const LISTED: Readonly<Record<ItemListRequest['state'], readonly bigint[]>> = {
  queued: QUEUED,
  scheduled: LIKE_SCHEDULED,
  prepared: [STATE.prepared],
};

export function list(
  transaction: Transaction,
  { request, ...args }: InPartition & { readonly request: ItemListRequest },
): Packed<StoredItem> {
  const table = storedTableOf(transaction, args);
  const { state, pivot, limit, maxBytes = Number.POSITIVE_INFINITY, details } = request;
  const from = table?.seqFrom(pivot);
  const page: StoredItem[] = [];
  if (table === undefined || from === undefined) return pack(page);
  let bytes = 0;
  for (const seq of seqsFrom(table, LISTED[state], from)) {
    if (page.length >= 2 && bytes >= maxBytes) break;
    const row = table.connection.get<ItemRow>(
      `select ${ROW_COLUMNS} from items where seq = ?`,
      seq,
    ) as ItemRow;
    if (idOf(row) < pivot) continue;
    page.push(details === true ? detailedItemOf(row) : itemOf(row));
    if (page.length === limit) break;
    bytes += bytesOf(row);
  }
  return pack(page);
}

/**
 * The keys of the rows in any of these states, from a key on. SQLite merges the parts
 * of the index, so it reads no more of it than is asked for.
 */
export function* seqsFrom(table: ItemTable, states: readonly bigint[], from: bigint): Generator<bigint> {
  const parts = states.map(
    (state) =>
      `select seq from items indexed by items_by_state where partition = ?1 and state = ${state} and seq >= ?2`,
  );
  const sql = `${parts.join(' union all ')} order by seq limit ${PLACES_AT_ONCE}`;
  for (let next = from; ; ) {
    const rows = table.connection.all<{ seq: bigint }>(sql, table.partition, next);
    for (const { seq } of rows) yield seq;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PLACES_AT_ONCE) return;
    next = last.seq + 1n;
  }
}
