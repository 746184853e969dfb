import {
  type CarriedKey,
  type CarriedKeys,
  type Instant,
  ITEM_ID_LENGTH,
  type ItemId,
  instantFromMicroseconds,
  KEYS_PAGE_IDS,
  type KeySweepResult,
  type KeysRequest,
  millisecondsBetween,
} from '@querator/core';
import type { Transaction } from '../file/transaction.ts';
import { type InPartition, storedTableOf, takingKeysTableOf, usedTableOf } from './in-partition.ts';
import type { ItemTable } from './item-table.ts';

/** A dedup key to be stored. */
interface NewKey {
  readonly key: string;
  readonly ids: readonly ItemId[];
  readonly endsAt: Instant;
}

/** The ids that the items of a key got. Undefined: the partition does not hold the key. */
export function idsOfKey(
  { connection, partition }: ItemTable,
  key: string,
  now: Instant,
): ItemId[] | undefined {
  const row = connection.get<{ ids: string }>(
    'select ids from keys where partition = ? and key = ? and ends_at > ?',
    ...[partition, key, now],
  );
  return row && (JSON.parse(row.ids) as ItemId[]);
}

/** A row of the table of keys. */
export interface KeyRow {
  readonly key: string;
  readonly ends_at: bigint;
  readonly ids: string;
}

/** The key of a row, with the ids of its items. */
export function keyOfRow({ key, ends_at: endsAt, ids }: KeyRow): CarriedKey {
  return { key, ids: JSON.parse(ids) as ItemId[], endsAt: instantFromMicroseconds(endsAt) };
}

/** Stores a key that the partition does not hold. One that has ended may still be in the table. */
export function addKey({ connection, partition }: ItemTable, { key, ids, endsAt }: NewKey): void {
  connection.run(
    'insert or replace into keys (partition, key, ends_at, ids) values (?, ?, ?, ?)',
    ...[partition, key, endsAt, JSON.stringify(ids)],
  );
}

/** When the window of the last key ends. Undefined: there is none. */
export function lastEndOfKeys({ connection, partition }: ItemTable): Instant | undefined {
  const row = connection.get<{ ends_at: bigint }>(
    'select ends_at from keys where partition = ? order by ends_at desc limit 1',
    partition,
  );
  return row && instantFromMicroseconds(row.ends_at);
}

export function sweepKeys(
  transaction: Transaction,
  { limit, ...args }: InPartition & { readonly limit: number },
): KeySweepResult {
  const table = usedTableOf(transaction, args);
  if (table === undefined) return { removed: 0, nextEndMs: undefined };
  const { connection, partition } = table;
  const { now } = transaction;
  const removed = connection.run(
    `delete from keys where partition = ?1 and key in (
       select key from keys where partition = ?1 and ends_at <= ?2 order by ends_at limit ?3)`,
    ...[partition, now, limit],
  );
  const next = connection.get<{ ends_at: bigint }>(
    'select ends_at from keys where partition = ? order by ends_at limit 1',
    partition,
  );
  const nextEnd = next && millisecondsBetween(now, instantFromMicroseconds(next.ends_at));
  return { removed, nextEndMs: nextEnd && Math.max(0, nextEnd) };
}

export function countKeys(transaction: Transaction, args: InPartition): number {
  const table = storedTableOf(transaction, args);
  if (table === undefined) return 0;
  const count = 'select count(*) as count from keys where partition = ?';
  return Number(table.connection.get<{ count: bigint }>(count, table.partition)?.count);
}

/** The bytes of an id in the list of a key: with quotes and a comma. */
const ID_BYTES = ITEM_ID_LENGTH + 3;

export function readKeys(
  transaction: Transaction,
  { request: { after = '', limit }, ...args }: InPartition & { readonly request: KeysRequest },
): CarriedKeys {
  const table = storedTableOf(transaction, args);
  if (table === undefined) return { keys: [], next: undefined };
  const { connection, partition } = table;
  const found = connection.all<{ key: string; bytes: bigint }>(
    'select key, length(ids) as bytes from keys where partition = ? and key > ? order by key limit ?',
    ...[partition, after, limit + 1],
  );
  const few = found.slice(0, limit);
  let bytes = 0;
  let end = 0;
  while (end < few.length && bytes < KEYS_PAGE_IDS * ID_BYTES) bytes += Number(few[end++]?.bytes);
  const last = few[end - 1]?.key;
  if (last === undefined) return { keys: [], next: undefined };
  const rows = connection.all<KeyRow>(
    'select key, ends_at, ids from keys where partition = ? and key > ? and key <= ? order by key',
    ...[partition, after, last],
  );
  const keys = rows.map(keyOfRow).filter(({ endsAt }) => endsAt > transaction.now);
  return { keys, next: end < found.length ? last : undefined };
}

export function storeKeys(
  transaction: Transaction,
  { keys, ...args }: InPartition & { readonly keys: readonly CarriedKey[]; readonly keySpread: number },
): number {
  const table = takingKeysTableOf(transaction, args);
  const { now } = transaction;
  const fresh = keys.filter(({ key, endsAt }) => endsAt > now && idsOfKey(table, key, now) === undefined);
  for (const key of fresh) addKey(table, key);
  return fresh.length;
}
