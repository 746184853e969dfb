import {
  ATTEMPTS_MAX,
  addDuration,
  detailsBytes,
  type Instant,
  instantFromMicroseconds,
  type LeaseBatch,
  type LeasedItem,
  PAYLOAD_BUDGET,
} from '@querator/core';
import { idOf } from '../file/sequence.ts';
import type { Transaction } from '../file/transaction.ts';
import { type Packed, pack } from '../messages/packed-payloads.ts';
import { bytesOf } from './content-bytes.ts';
import { type InPartition, tableOf } from './in-partition.ts';
import type { ItemRow } from './item-row.ts';
import type { ItemTable } from './item-table.ts';
import { detailsOf, readKept } from './kept.ts';

type WaitingRow = Pick<
  ItemRow,
  'seq' | 'tail' | 'attempts' | 'created_at' | 'kept' | 'encoding' | 'kind' | 'reference' | 'payload'
>;

/** The waiting items are next to each other in the index, in the order of ids: nothing else is read. */
const OLDEST_WAITING = `
  select seq, tail, attempts, created_at, kept, encoding, kind, reference, payload
  from items indexed by items_by_state where partition = ? and state = 0 order by seq limit ?`;

export function lease(
  transaction: Transaction,
  { batch, ...args }: InPartition & { readonly batch: LeaseBatch },
): Packed<LeasedItem> {
  return pack(leaseItems(tableOf(transaction, args), batch, transaction.now, PAYLOAD_BUDGET));
}

/** Leases the oldest waiting items, until their contents have as many bytes as the budget. */
export function leaseItems(
  table: ItemTable,
  { limit, leaseTimeout, details }: LeaseBatch,
  now: Instant,
  budget: number,
): LeasedItem[] {
  const leaseDeadline = addDuration(now, leaseTimeout);
  const leased: LeasedItem[] = [];
  const taken: bigint[] = [];
  let bytes = 0;
  for (const row of table.connection.each<WaitingRow>(OLDEST_WAITING, table.partition, limit)) {
    const { encoding, kind, reference, payload } = row;
    const attempts = Math.min(Number(row.attempts), ATTEMPTS_MAX - 1) + 1;
    const item = { id: idOf(row), attempts, leaseDeadline, encoding, kind, reference, payload };
    taken.push(row.seq);
    bytes += bytesOf(row);
    if (details === true) {
      const kept = detailsOf(item.id, readKept(row.kept));
      bytes += detailsBytes(kept);
      leased.push({ ...item, createdAt: instantFromMicroseconds(row.created_at), details: kept });
    } else {
      leased.push(item);
    }
    if (bytes >= budget) break;
  }
  taken.forEach((seq, index) => {
    table.lease(seq, (leased[index] as LeasedItem).attempts, leaseDeadline);
  });
  return leased;
}
