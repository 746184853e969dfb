import {
  addDuration,
  type Duration,
  type Instant,
  type ItemId,
  type KeyedItemsResult,
  type KeyedProduceOptions,
  type KeyedProduceResult,
  type LeaseBatch,
  type LeasedItem,
  type NewItem,
  type Outcome,
  type ProduceResult,
} from '@querator/core';
import type { Transaction } from '../file/transaction.ts';
import { type Packed, pack, unpack } from '../messages/packed-payloads.ts';
import { appendItems } from './append-items.ts';
import { addingTableOf, type InPartition, tableOf, takingKeysTableOf } from './in-partition.ts';
import type { ItemTable } from './item-table.ts';
import { addKey, idsOfKey } from './keys.ts';
import { leaseItems } from './lease.ts';

/** The items of several requests, which are in one list. */
export interface PackedRequests {
  readonly items: Packed<NewItem>;
  readonly requests: readonly { readonly count: number; readonly returnIds: boolean }[];
}

export interface ProduceArgs extends InPartition, PackedRequests {
  readonly expireTimeout: Duration;
}

export function produce(transaction: Transaction, args: ProduceArgs): readonly Outcome<ProduceResult>[] {
  return produceInto(addingTableOf(transaction, args), transaction, args);
}

function produceInto(
  table: ItemTable,
  { now }: Transaction,
  { items: packed, requests, expireTimeout }: ProduceArgs,
): readonly Outcome<ProduceResult>[] {
  const items = unpack(packed);
  let begin = 0;
  return requests.map(({ count, returnIds }) => {
    const own = items.slice(begin, begin + count);
    begin += count;
    const { ids, scheduled } = appendItems(table, own, { now, expireTimeout });
    const stored = { waiting: count - scheduled, scheduled };
    return { ok: true, value: returnIds ? { ...stored, ids } : stored };
  });
}

/** The result of `produceAndLease`, on its way to the main thread. */
interface ProducedAndLeased<Result extends ProduceResult> {
  readonly outcomes: readonly Outcome<Result>[];
  readonly leased: Packed<LeasedItem>;
}

export function produceAndLease(
  transaction: Transaction,
  { lease, ...args }: ProduceArgs & { readonly lease: LeaseBatch },
): ProducedAndLeased<ProduceResult> {
  const table = addingTableOf(transaction, args);
  return producedAndLeased(table, { lease, now: transaction.now }, () =>
    produceInto(table, transaction, args),
  );
}

/** Leases the first of the items that `produce` stores, unless an item waits already. */
function producedAndLeased<Result extends ProduceResult>(
  table: ItemTable,
  { lease, now }: { readonly lease: LeaseBatch; readonly now: Instant },
  produce: () => readonly Outcome<Result>[],
): ProducedAndLeased<Result> {
  const isFree = !table.hasWaiting;
  const outcomes = produce();
  const leased = isFree ? leaseItems(table, lease, now, Number.POSITIVE_INFINITY) : [];
  let left = leased.length;
  return {
    outcomes: outcomes.map((outcome) => {
      if (!outcome.ok) return outcome;
      const taken = Math.min(left, outcome.value.waiting);
      left -= taken;
      return { ok: true, value: { ...outcome.value, waiting: outcome.value.waiting - taken } };
    }),
    leased: pack(leased),
  };
}

/** One keyed request. The items of all its groups are in one list. */
interface PackedKeyedRequest {
  readonly items: Packed<NewItem>;
  readonly groups: readonly { readonly key: string; readonly count: number }[];
  readonly window: Duration;
}

/** Keyed requests with the options that they share. */
export interface PackedKeyedRequests extends KeyedProduceOptions {
  readonly requests: readonly PackedKeyedRequest[];
}

export interface ProduceKeyedArgs extends InPartition, PackedKeyedRequests {}

export function produceKeyed(
  transaction: Transaction,
  args: ProduceKeyedArgs,
): readonly Outcome<KeyedProduceResult>[] {
  return produceKeyedInto(keyedTableOf(transaction, args), transaction, args);
}

function keyedTableOf(transaction: Transaction, args: ProduceKeyedArgs): ItemTable {
  if (args.newKeys === 'find') return tableOf(transaction, args);
  return takingKeysTableOf(transaction, args);
}

export function produceKeyedAndLease(
  transaction: Transaction,
  { lease, ...args }: ProduceKeyedArgs & { readonly lease: LeaseBatch },
): ProducedAndLeased<KeyedProduceResult> {
  const table = keyedTableOf(transaction, args);
  return producedAndLeased(table, { lease, now: transaction.now }, () =>
    produceKeyedInto(table, transaction, args),
  );
}

function produceKeyedInto(
  table: ItemTable,
  { now }: Transaction,
  { requests, expireTimeout, newKeys }: ProduceKeyedArgs,
): readonly Outcome<KeyedProduceResult>[] {
  return requests.map(({ items: packed, groups, window }) => {
    const items = unpack(packed);
    const endsAt = addDuration(now, window);
    let begin = 0;
    let stored = 0;
    let scheduled = 0;
    const results = groups.map(({ key, count }): KeyedItemsResult => {
      const own = items.slice(begin, begin + count);
      begin += count;
      const earlier = idsOfKey(table, key, now);
      if (earlier !== undefined) return { state: 'duplicate', ids: earlier };
      if (newKeys !== 'store') return { state: 'refused' };
      const appended = appendItems(table, own, { now, expireTimeout });
      addKey(table, { key, ids: appended.ids, endsAt });
      stored += count;
      scheduled += appended.scheduled;
      return { state: 'stored', ids: appended.ids satisfies readonly ItemId[] };
    });
    return { ok: true, value: { groups: results, waiting: stored - scheduled, scheduled } };
  });
}
