import type { ItemId } from '@querator/core';
import type { Transaction } from '../file/transaction.ts';
import { type InPartition, usedTableOf } from './in-partition.ts';
import { STATE } from './item-row.ts';

/** Makes scheduled items due now. @returns their number. */
export function makeDue(
  transaction: Transaction,
  { ids, ...args }: InPartition & { readonly ids: readonly ItemId[] },
): number {
  const table = usedTableOf(transaction, args);
  const { now } = transaction;
  const later = table?.findAll(ids).filter(({ state, due }) => state === STATE.scheduled && due > now) ?? [];
  for (const { seq } of later) table?.change(seq, STATE.scheduled, now);
  return later.length;
}
