import {
  type Instant,
  microseconds,
  type PartitionCounts,
  type PartitionSize,
  type PartitionStats,
} from '@querator/core';
import type { Transaction } from '../file/transaction.ts';
import { OtherOwnerError } from '../messages/failed-call.ts';
import { type InPartition, storedTableOf } from './in-partition.ts';
import { CONTENT_BYTES, STATE } from './item-row.ts';
import type { ItemTable } from './item-table.ts';
import { seqsFrom } from './read-items.ts';

/** Averages are doubles although integers are read as bigint. They are null without rows. */
interface StatsRow {
  readonly waiting: bigint;
  readonly leased: bigint;
  readonly scheduled: bigint;
  readonly age: number | null;
  readonly lease_left: number | null;
  readonly head_age: bigint | null;
}

const NOTHING: PartitionStats = {
  ...{ waiting: 0, leased: 0, scheduled: 0 },
  averageAge: microseconds(0n),
  headAge: microseconds(0n),
  averageLeaseLeft: microseconds(0n),
};

/** Counts the items of a partition. Reads all of them, but no contents. @param countsOnly leave out the averages. */
export function stats(
  transaction: Transaction,
  args: InPartition & { readonly countsOnly: boolean },
): PartitionStats {
  const table = storedTableOf(transaction, args);
  if (args.countsOnly) return { ...NOTHING, ...(table && countsOf(table, transaction.now)) };
  const row = table?.connection.get<StatsRow>(
    `select
       count(*) filter (where state = 0) as waiting,
       count(*) filter (where state in (1, 4, 5)) as leased,
       count(*) filter (where state in (2, 6)) as scheduled,
       avg(?2 - created_at) filter (where state in (0, 1, 4, 5)) as age,
       avg(due - ?2) filter (where state = 1) as lease_left,
       (select ?2 - created_at from items indexed by items_by_state
         where partition = ?1 and state = 0 order by seq limit 1) as head_age
     from items where partition = ?1`,
    ...[table.partition, transaction.now],
  );
  if (row === undefined) return NOTHING;
  return {
    waiting: Number(row.waiting),
    leased: Number(row.leased),
    scheduled: Number(row.scheduled),
    averageAge: microseconds(BigInt(Math.round(row.age ?? 0))),
    headAge: microseconds(row.head_age ?? 0n),
    averageLeaseLeft: microseconds(BigInt(Math.round(row.lease_left ?? 0))),
  };
}

interface CountsRow {
  readonly waiting: bigint;
  readonly leased: bigint;
  readonly scheduled: bigint;
  readonly head_age: bigint | null;
}

/** Reads an index only, and the head. */
function countsOf({ connection, partition }: ItemTable, now: Instant): PartitionCounts {
  const row = connection.get<CountsRow>(
    `select
       count(*) filter (where state = 0) as waiting,
       count(*) filter (where state in (1, 4, 5)) as leased,
       count(*) filter (where state in (2, 6)) as scheduled,
       (select ?2 - created_at from items indexed by items_by_state
         where partition = ?1 and state = 0 order by seq limit 1) as head_age
     from items indexed by items_by_state where partition = ?1`,
    ...[partition, now],
  );
  return {
    waiting: Number(row?.waiting ?? 0n),
    leased: Number(row?.leased ?? 0n),
    scheduled: Number(row?.scheduled ?? 0n),
    headAge: microseconds(row?.head_age ?? 0n),
  };
}

/** A partition with more items is not small. */
const SMALL_ITEMS = 5_000n;

/** Counts small partitions. Undefined: it is not small, or has items of an earlier queue of its name. */
export function countSmall(
  transaction: Transaction,
  { keys }: { readonly keys: readonly InPartition[] },
): readonly (PartitionCounts | undefined)[] {
  return keys.map((key) => {
    try {
      const table = storedTableOf(transaction, key);
      if (table === undefined) return NOTHING;
      return isSmall(table) ? countsOf(table, transaction.now) : undefined;
    } catch (error) {
      if (error instanceof OtherOwnerError) return undefined;
      throw error;
    }
  });
}

/** Whether the items end before the limit. */
function isSmall({ connection, partition }: ItemTable): boolean {
  const next = connection.get(
    'select 1 from items indexed by items_by_state where partition = ? limit 1 offset ?',
    ...[partition, SMALL_ITEMS],
  );
  return next === undefined;
}

/** Up to this many items are measured exactly. */
const MEASURED_EXACTLY = 10_000n;
/** The average size of larger partitions is that of samples: this many places, and items at each. */
const SAMPLES = 20n;
const ITEMS_PER_SAMPLE = 50;
const ALL_STATES = Object.values(STATE);

const BYTES = `select ${CONTENT_BYTES} as bytes from items where seq = ?`;
const ENDS = `select
  (select min(seq) from items indexed by items_by_state where partition = ?1 and state = ?2) as low,
  (select max(seq) from items indexed by items_by_state where partition = ?1 and state = ?2) as high`;

export function measure(
  transaction: Transaction,
  { keys }: { readonly keys: readonly InPartition[] },
): readonly PartitionSize[] {
  return keys.map((key) => {
    const table = storedTableOf(transaction, key);
    return table === undefined ? { items: 0, bytes: 0 } : sizeOf(table);
  });
}

interface SizeRow {
  readonly items: bigint;
  readonly bytes: bigint | null;
}

/** An exact count of all items reads an index only, but their sizes are all over the table. */
function sizeOf(table: ItemTable): PartitionSize {
  const { connection, partition } = table;
  const counted = connection.get<{ items: bigint }>(
    'select count(*) as items from items indexed by items_by_state where partition = ?',
    partition,
  );
  const items = counted?.items ?? 0n;
  if (items <= MEASURED_EXACTLY) {
    const row = connection.get<SizeRow>(
      `select count(*) as items, sum(${CONTENT_BYTES}) as bytes from items where partition = ?`,
      partition,
    );
    return { items: Number(row?.items ?? 0n), bytes: Number(row?.bytes ?? 0n) };
  }
  return { items: Number(items), bytes: Math.round(Number(items) * sample(table)) };
}

/** The average bytes of some items, from places all over the partition. */
function sample(table: ItemTable): number {
  const [low, high] = ends(table);
  let [items, bytes] = [0, 0];
  for (let place = 0n; place < SAMPLES; place++) {
    const from = low + ((high - low) * place) / SAMPLES;
    let left = ITEMS_PER_SAMPLE;
    for (const seq of seqsFrom(table, ALL_STATES, from)) {
      bytes += Number(table.connection.get<{ bytes: bigint }>(BYTES, seq)?.bytes ?? 0n);
      items++;
      if (--left === 0) break;
    }
  }
  return items === 0 ? 0 : bytes / items;
}

/** The least and the greatest key of a row. */
function ends({ connection, partition }: ItemTable): readonly [bigint, bigint] {
  let [low, high]: [bigint | null, bigint | null] = [null, null];
  for (const state of ALL_STATES) {
    const row = connection.get<{ low: bigint | null; high: bigint | null }>(ENDS, partition, state);
    if (row?.low != null && (low === null || row.low < low)) low = row.low;
    if (row?.high != null && (high === null || row.high > high)) high = row.high;
  }
  return [low ?? 0n, high ?? 0n];
}
