import {
  addDuration,
  type DeathReason,
  type Instant,
  type ItemId,
  instantFromMicroseconds,
  millisecondsBetween,
  PAYLOAD_BUDGET,
  type StoredItem,
  type SweepRequest,
  type SweepResult,
} from '@querator/core';
import { idOf } from '../file/sequence.ts';
import type { Transaction } from '../file/transaction.ts';
import { type Packed, pack } from '../messages/packed-payloads.ts';
import { bytesOf } from './content-bytes.ts';
import { type InPartition, usedTableOf } from './in-partition.ts';
import { detailedItemOf, HEAD_COLUMNS, type ItemHead, type ItemRow, ROW_COLUMNS, STATE } from './item-row.ts';
import type { ItemTable } from './item-table.ts';
import { readKept, writeKept } from './kept.ts';
import { isOutOfAttempts } from './leased-items.ts';

/** The result of a sweep, on its way to the main thread. */
interface Swept extends Omit<SweepResult, 'dead'> {
  readonly dead: Packed<StoredItem>;
}

const FIRST_DUE = `select ${HEAD_COLUMNS} from items indexed by items_by_due
  where partition = ? and due < ? order by due, seq limit 1`;
const NEXT_DUE = 'select due from items indexed by items_by_due where partition = ? order by due limit 1';

/**
 * Applies due deadlines, the earliest first. Stops when none is due, or when one kind of
 * work reaches the limit, or when the contents of the dead items that it reports reach the
 * payload budget.
 */
export function sweep(
  transaction: Transaction,
  { request, ...args }: InPartition & { readonly request: SweepRequest },
): Swept {
  const counts = { enqueued: 0, requeued: 0, deleted: 0 };
  const table = usedTableOf(transaction, args);
  if (table === undefined) return { ...counts, dead: pack([]), moved: [], nextDueMs: undefined };
  const { now } = transaction;
  const { limit, maxAttempts, dead, claimTimeout } = request;
  const claimedUntil = addDuration(now, claimTimeout);
  const reported: StoredItem[] = [];
  const moved: ItemId[] = [];
  let bytes = 0;
  const isFull = () =>
    Math.max(counts.enqueued, counts.requeued, counts.deleted, reported.length + moved.length) >= limit;

  while (!isFull() && bytes < PAYLOAD_BUDGET) {
    const item = table.connection.get<ItemHead>(FIRST_DUE, table.partition, now);
    if (item === undefined) break;
    if (item.state === STATE.scheduled) {
      table.requeue(item);
      counts.enqueued++;
    } else if (isHeld(item) && !isUsedUp(item, maxAttempts, now)) {
      table.requeue(item);
      counts.requeued++;
    } else if (dead === 'delete') {
      table.remove(item);
      counts.deleted++;
    } else if (item.state === STATE.moved) {
      table.change(item.seq, STATE.moved, claimedUntil);
      moved.push(idOf(item));
    } else {
      const row = report(table, item, { now, claimedUntil, reason: reasonOf(item, maxAttempts) });
      reported.push(detailedItemOf(row));
      bytes += bytesOf(row);
    }
  }
  return { ...counts, dead: pack(reported), moved, nextDueMs: untilNextDue(table, now) };
}

/** Sets a dead item to moving, and reads its content. The reason of an earlier report stays. */
function report(
  { connection }: ItemTable,
  item: ItemHead,
  { now, claimedUntil, reason }: { now: Instant; claimedUntil: Instant; reason: DeathReason },
): ItemRow {
  const isNew = item.state !== STATE.moving;
  const kept = isNew ? writeKept({ ...readKept(item.kept), death: { at: now, reason } }) : item.kept;
  return connection.get<ItemRow>(
    `update items set state = ?, due = ?, kept = ? where seq = ? returning ${ROW_COLUMNS}`,
    ...[STATE.moving, claimedUntil, kept, item.seq],
  ) as ItemRow;
}

/** Whether an item is under a lease, or a letter under its timeout. */
function isHeld({ state }: ItemHead): boolean {
  return state === STATE.leased || state === STATE.prepared;
}

/** Whether an item whose lease ended is dead. */
function isUsedUp(item: ItemHead, maxAttempts: number, now: Instant): boolean {
  return isOutOfAttempts(item, maxAttempts) || now > item.expire_deadline;
}

function reasonOf(item: ItemHead, maxAttempts: number): DeathReason {
  return item.state === STATE.leased && isOutOfAttempts(item, maxAttempts) ? 'attempts' : 'expired';
}

/** A deadline is due once it has passed: a microsecond later. */
function untilNextDue({ connection, partition }: ItemTable, now: Instant): number | undefined {
  const next = connection.get<{ due: bigint }>(NEXT_DUE, partition);
  return next && Math.max(0, millisecondsBetween(now, instantFromMicroseconds(next.due + 1n)));
}
