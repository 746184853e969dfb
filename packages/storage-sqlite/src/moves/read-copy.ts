import {
  type CarriedChanges,
  type CarriedItem,
  type CarriedItems,
  type CarriedKey,
  type CarriedKeys,
  type GateState,
  type ItemId,
  isBudgetSpent,
} from '@querator/core';
import type { Transaction } from '../file/transaction.ts';
import { type ItemRow, ROW_COLUMNS, STATE } from '../items/item-row.ts';
import { ItemTable } from '../items/item-table.ts';
import { type KeyRow, keyOfRow } from '../items/keys.ts';
import { type Packed, pack } from '../messages/packed-payloads.ts';
import { toCarried } from './carried-row.ts';
import { type Claimed, gatedBy } from './claimed.ts';

interface Limited extends Claimed {
  readonly limit: number;
}

/** A page of items, on its way to the main thread. */
interface PackedItems extends Omit<CarriedItems, 'items'> {
  readonly items: Packed<CarriedItem>;
}

/** SQLite merges the parts of the index, so it reads no more of it than is asked for. */
const LAST_ROWS = `${Object.values(STATE)
  .map(
    (state) =>
      `select seq from items indexed by items_by_state where partition = ?1 and state = ${state} and seq <= ?2`,
  )
  .join(' union all ')} order by seq desc limit ?3`;
const ROW = `select ${ROW_COLUMNS} from items where seq = ?`;

function sourceOf(transaction: Transaction, args: Claimed, ...more: readonly GateState[]): ItemTable {
  return new ItemTable(transaction, gatedBy(transaction, args, 'copying', 'closed', ...more));
}

export function readMovingItems(
  transaction: Transaction,
  { before, limit, ...args }: Limited & { readonly before: ItemId | undefined },
): PackedItems {
  const table = sourceOf(transaction, args, 'leaving');
  const { connection, partition } = table;
  const last = before === undefined ? undefined : table.seqFrom(before);
  const items: CarriedItem[] = [];
  const rows = connection.all<{ seq: bigint }>(
    LAST_ROWS,
    partition,
    last === undefined ? table.endSeq : last - 1n,
    limit + 1,
  );
  for (const { seq } of rows) {
    if (items.length === limit || isBudgetSpent(items)) return { items: pack(items), next: items.at(-1)?.id };
    items.push(toCarried(connection.get<ItemRow>(ROW, seq) as ItemRow));
  }
  return { items: pack(items), next: undefined };
}

export function readMovingKeys(
  transaction: Transaction,
  { after = '', limit, ...args }: Limited & { readonly after: string | undefined },
): CarriedKeys {
  const { connection, partition } = sourceOf(transaction, args);
  const rows = connection.all<KeyRow>(
    'select key, ends_at, ids from keys where partition = ? and key > ? order by key limit ?',
    ...[partition, after, limit + 1],
  );
  const keys = rows.slice(0, limit).map(keyOfRow);
  return { keys, next: rows.length > limit ? keys.at(-1)?.key : undefined };
}

interface ChangeRow {
  readonly number: bigint;
  readonly kind: 'item' | 'key';
  readonly name: string;
}

/** What has changed, on its way to the main thread. */
interface PackedChanges extends Omit<CarriedChanges, 'items'> {
  readonly items: Packed<CarriedItem>;
}

export function readChanges(transaction: Transaction, { limit, ...args }: Limited): PackedChanges {
  const table = sourceOf(transaction, args);
  const { connection, partition } = table;
  const rows = connection.all<ChangeRow>(
    'select number, kind, name from changes where partition = ? order by number limit ?',
    ...[partition, limit + 1],
  );
  const entries: string[] = [];
  const items: CarriedItem[] = [];
  const gone: ItemId[] = [];
  const keys: CarriedKey[] = [];
  for (const { number, kind, name } of rows) {
    if (entries.length === limit || isBudgetSpent(items)) break;
    entries.push(number.toString());
    if (kind === 'key') {
      const held = connection.get<KeyRow>(
        'select key, ends_at, ids from keys where partition = ? and key = ?',
        ...[partition, name],
      );
      if (held !== undefined) keys.push(keyOfRow(held));
      continue;
    }
    const present = table.findState(name);
    if (present === undefined) gone.push(name);
    else items.push(toCarried(connection.get<ItemRow>(ROW, present.seq) as ItemRow));
  }
  return { entries, items: pack(items), gone, keys, anew: false, more: entries.length < rows.length };
}

export function settleChanges(
  transaction: Transaction,
  { entries, ...args }: Claimed & { readonly entries: readonly string[] },
): void {
  const { connection, partition } = sourceOf(transaction, args);
  // A later change has another number.
  const text = 'delete from changes where number = ? and partition = ?';
  for (const entry of entries) connection.run(text, BigInt(entry), partition);
}
