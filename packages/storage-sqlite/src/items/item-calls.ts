import type { PartitionKey } from '@querator/core';
import type { OwnedKey } from '../file/partitions.ts';
import type { Transaction } from '../file/transaction.ts';
import { countSmall, measure, stats } from './counts.ts';
import { find } from './find-items.ts';
import type { InPartition } from './in-partition.ts';
import { countKeys, readKeys, storeKeys, sweepKeys } from './keys.ts';
import { lastId } from './last-id.ts';
import { lease } from './lease.ts';
import { complete, extend, release, retry } from './leased-items.ts';
import { abortLetters, commitLetters, findLetters, importAll, prepareLetters } from './letters.ts';
import { makeDue } from './make-due.ts';
import { produce, produceAndLease, produceKeyed, produceKeyedAndLease } from './produce.ts';
import { list } from './read-items.ts';
import { clearSome, deleteEach, deleteSeen, lastSeq, markMoved, removeMoving } from './remove-items.ts';
import { sweep } from './sweep.ts';
import { markTaken, removeTaken, returnTaken, takeItems, takenItems } from './taken-items.ts';
import { transfer } from './transfer.ts';

/** Checks that the file accepts writes, and that the partition exists. */
function probe({ partitions, connection }: Transaction, { key }: InPartition): void {
  partitions.make(key);
  connection.run(`update numbers set value = value + 1 where name = 'write_checks'`);
}

function drop({ partitions }: Transaction, { key }: { readonly key: OwnedKey }): void {
  partitions.drop(key.queue, key.partition, key.createdAt);
}

/** Removes a partition that holds no item. @returns whether it holds none. */
function dropEmpty({ partitions, sequence }: Transaction, { key }: { readonly key: OwnedKey }): boolean {
  return partitions.dropEmpty(key, sequence.next().number);
}

/** Makes a partition if it is not there. */
function make({ partitions }: Transaction, { key }: InPartition): void {
  partitions.use(key);
}

/** Removes the partition of an earlier queue. */
function dropEarlier(
  { partitions }: Transaction,
  { key, createdAt }: { readonly key: PartitionKey; readonly createdAt: NonNullable<OwnedKey['createdAt']> },
): void {
  partitions.drop(key.queue, key.partition, createdAt);
}

/** The calls on items. */
export const ITEM_CALLS = {
  produce,
  produceAndLease,
  produceKeyed,
  produceKeyedAndLease,
  sweepKeys,
  countKeys,
  readKeys,
  storeKeys,
  lease,
  release,
  complete,
  extend,
  retry,
  list,
  find,
  stats,
  countSmall,
  measure,
  probe,
  importAll,
  deleteEach,
  deleteSeen,
  makeDue,
  lastId,
  lastSeq,
  clearSome,
  sweep,
  markMoved,
  removeMoving,
  prepareLetters,
  commitLetters,
  findLetters,
  abortLetters,
  transfer,
  takeItems,
  takenItems,
  markTaken,
  returnTaken,
  removeTaken,
  drop,
  dropEmpty,
  make,
  dropEarlier,
};
