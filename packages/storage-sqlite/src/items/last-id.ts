import type { ItemId } from '@querator/core';
import { idOf } from '../file/sequence.ts';
import type { Transaction } from '../file/transaction.ts';
import { type InPartition, storedTableOf } from './in-partition.ts';
import type { ItemHead } from './item-row.ts';

/** The greatest id in a partition. */
export function lastId(transaction: Transaction, args: InPartition): ItemId | undefined {
  const table = storedTableOf(transaction, args);
  if (table === undefined) return undefined;
  const last = table.connection.get<Pick<ItemHead, 'seq' | 'tail'>>(
    'select seq, tail from items where partition = ? and seq between ? and ? order by seq desc limit 1',
    ...[table.partition, table.seqFrom('') ?? 0n, table.endSeq],
  );
  return last && idOf(last);
}
