import type { ItemId, MarkResult, SeenItem } from '@querator/core';
import { idOf } from '../file/sequence.ts';
import type { Transaction } from '../file/transaction.ts';
import { type InPartition, tableOf } from './in-partition.ts';
import { isMoving, STATE } from './item-row.ts';

interface Named extends InPartition {
  readonly ids: readonly ItemId[];
}

/** Removes items in any state. @returns their ids. */
export function deleteEach(transaction: Transaction, { ids, ...args }: Named): readonly ItemId[] {
  const table = tableOf(transaction, args);
  return table.findAll(ids).map((item) => {
    table.remove(item);
    return idOf(item);
  });
}

export function deleteSeen(
  transaction: Transaction,
  { items, ...args }: InPartition & { readonly items: readonly SeenItem[] },
): number {
  const table = tableOf(transaction, args);
  let deleted = 0;
  for (const { id, state, attempts } of items) {
    const item = table.find(id);
    if (item?.state !== STATE[state] || Number(item.attempts) !== attempts) continue;
    table.remove(item);
    deleted++;
  }
  return deleted;
}

/** The key of the last row that a clear removes. */
export function lastSeq(transaction: Transaction, args: InPartition): bigint {
  return tableOf(transaction, args).lastSeq;
}

/** Removes some items of these states up to a number. @returns how many. */
export function clearSome(
  transaction: Transaction,
  {
    states,
    last,
    limit,
    ...args
  }: InPartition & { readonly states: readonly bigint[]; readonly last: bigint; readonly limit: number },
): number {
  const { connection, partition } = tableOf(transaction, args);
  let removed = 0;
  for (const state of states) {
    removed += connection.run(
      `delete from items where seq in (select seq from items indexed by items_by_state
         where partition = ? and state = ? and seq <= ? order by seq limit ?)`,
      ...[partition, state, last, limit - removed],
    );
    if (removed === limit) break;
  }
  return removed;
}

/** Marks moving items as moved, and keeps their claims. */
export function markMoved(transaction: Transaction, { ids, ...args }: Named): MarkResult {
  const table = tableOf(transaction, args);
  const items = table.findAll(ids);
  const moving = items.filter(({ state }) => state === STATE.moving);
  for (const { seq, due } of moving) table.change(seq, STATE.moved, due);
  return {
    marked: moving.map(idOf),
    markedBefore: items.filter(({ state }) => state === STATE.moved).map(idOf),
  };
}

/** Removes moving items, marked or not. */
export function removeMoving(transaction: Transaction, { ids, ...args }: Named): void {
  const table = tableOf(transaction, args);
  for (const item of table.findAll(ids)) if (isMoving(item.state)) table.remove(item);
}
