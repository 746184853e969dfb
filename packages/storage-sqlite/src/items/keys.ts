import {
  type Instant,
  type ItemId,
  instantFromMicroseconds,
  type KeySweepResult,
  millisecondsBetween,
} from '@querator/core';
import type { Transaction } from '../file/transaction.ts';
import { type InPartition, storedTableOf, usedTableOf } from './in-partition.ts';
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
