import { StorageError } from '@querator/core';
import type { OwnedKey } from '../file/partitions.ts';
import type { Transaction } from '../file/transaction.ts';
import { ItemTable } from './item-table.ts';

/** The arguments of a call on one partition. */
export interface InPartition {
  readonly key: OwnedKey;
}

/** The table of a partition to write, which exists from then on. */
export function tableOf(transaction: Transaction, { key }: InPartition): ItemTable {
  return new ItemTable(transaction, transaction.partitions.use(key));
}

/** As `tableOf`, to add items, which a partition that its queue is to lose refuses. */
export function addingTableOf(transaction: Transaction, { key }: InPartition): ItemTable {
  return new ItemTable(transaction, transaction.partitions.use(key, true));
}

/** As `addingTableOf`, for dedup keys. @throws StorageError `closed` if the partition takes none of that spread. */
export function takingKeysTableOf(
  transaction: Transaction,
  { key, keySpread = 0 }: InPartition & { readonly keySpread?: number | undefined },
): ItemTable {
  const table = addingTableOf(transaction, { key });
  if (keySpread >= transaction.partitions.keySpread(key)) return table;
  const message = 'the dedup keys of the queue go to other partitions by now';
  throw new StorageError(message, { outcome: 'not-applied', closed: true });
}

/** The table of a partition to change what is there. Undefined: it was never used. */
export function usedTableOf(transaction: Transaction, { key }: InPartition): ItemTable | undefined {
  const partition = transaction.partitions.findOpen(key);
  return partition === undefined ? undefined : new ItemTable(transaction, partition);
}

/** The table of a partition to read from. Undefined: it was never used. */
export function storedTableOf(transaction: Transaction, { key }: InPartition): ItemTable | undefined {
  const partition = transaction.partitions.find(key);
  return partition === undefined ? undefined : new ItemTable(transaction, partition);
}
