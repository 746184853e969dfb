import { type CarriedBatch, type CarriedItem, errorText, type ItemId, invalid } from '@querator/core';
import { GREATEST_NUMBER } from '../file/sequence.ts';
import type { Transaction } from '../file/transaction.ts';
import { placeOf } from '../items/item-place.ts';
import { ItemTable } from '../items/item-table.ts';
import { addKey } from '../items/keys.ts';
import { type Packed, unpack } from '../messages/packed-payloads.ts';
import { fromCarried } from './carried-row.ts';
import { type Claimed, gatedBy } from './claimed.ts';

/** A batch, on its way to the thread. */
export interface PackedBatch extends Omit<CarriedBatch, 'items'> {
  readonly items: Packed<CarriedItem>;
}

export function writeCopy(
  transaction: Transaction,
  { batch: { items, gone, keys, above = 0n }, ...args }: Claimed & { readonly batch: PackedBatch },
): void {
  const table = new ItemTable(transaction, gatedBy(transaction, args, 'filling'));
  for (const id of gone) remove(table, id);
  const carried = unpack(items);
  for (const { id, sourceId } of carried) {
    remove(table, id);
    // Whatever has its source id here is no longer in the source.
    const earlier = sourceId === undefined ? undefined : table.findBySource(sourceId);
    if (earlier !== undefined) table.remove(earlier);
  }
  for (const item of carried) put(table, item);
  for (const key of keys) addKey(table, key);
  if (above > GREATEST_NUMBER) throw numberTooGreat(above);
  transaction.sequence.raise(above);
}

function remove(table: ItemTable, id: ItemId): void {
  const found = table.findState(id);
  if (found !== undefined) table.remove(found);
}

function put(table: ItemTable, item: CarriedItem): void {
  const place = placeOf(item.id);
  if (place === undefined) {
    throw invalid(
      errorText`storage_name is invalid; that storage cannot store an item with the id '${item.id}'`,
    );
  }
  if (table.isTaken(place.number)) {
    throw invalid(
      errorText`storage_name is invalid; that storage cannot store two items with one number, and the id '${item.id}' is the second`,
    );
  }
  table.put(place, fromCarried(item));
}

function numberTooGreat(above: bigint): Error {
  return invalid(
    errorText`storage_name is invalid; ids of this partition have numbers up to ${above}, and that storage allows ${GREATEST_NUMBER}`,
  );
}

/** An empty partition takes the place of the copy, whose rows are removed by and by. */
export function emptyCopy(transaction: Transaction, args: Claimed): void {
  const { gate } = gatedBy(transaction, args, 'filling');
  transaction.partitions.putEmpty(args.key, gate);
}
