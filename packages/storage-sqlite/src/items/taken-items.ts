import {
  type ItemId,
  instantFromMicroseconds,
  LAST_INSTANT,
  type MarkResult,
  PAYLOAD_BUDGET,
  type StoredItem,
  type TakenIds,
  type TakenItem,
  type TakeRequest,
  takenTooLate,
} from '@querator/core';
import { idOf } from '../file/sequence.ts';
import type { Transaction } from '../file/transaction.ts';
import { type Packed, pack } from '../messages/packed-payloads.ts';
import { bytesOf } from './content-bytes.ts';
import { type InPartition, storedTableOf, tableOf } from './in-partition.ts';
import { detailedItemOf, type ItemHead, type ItemRow, ROW_COLUMNS, STATE } from './item-row.ts';
import type { ItemTable } from './item-table.ts';
import { type Kept, readKept, type Taken } from './kept.ts';
import { seqsFrom } from './read-items.ts';

/** The result of a take, on its way to the main thread. */
interface TakenAway {
  readonly taken: Packed<StoredItem & TakenItem>;
  readonly left: readonly ItemId[];
}

/** An item that a task has taken, with what is kept with it. */
interface TakenHead {
  readonly item: ItemHead;
  readonly kept: Kept;
  readonly taken: Taken;
}

export function takeItems(
  transaction: Transaction,
  {
    request: { task, ids, target, before, state = 'waiting' },
    ...args
  }: InPartition & { readonly request: TakeRequest },
): TakenAway {
  if (before !== undefined && transaction.now >= before) throw takenTooLate();
  const table = tableOf(transaction, args);
  const items = table.findAll(ids).filter((item) => {
    if (item.state === STATE[state]) return true;
    const { taken } = readKept(item.kept);
    return taken?.task === task && !taken.isMarked;
  });
  const taken: (StoredItem & TakenItem)[] = [];
  let bytes = 0;
  for (const item of items) {
    if (bytes >= PAYLOAD_BUDGET) break;
    if (item.state !== STATE.taken) {
      const dueAt = item.state === STATE.scheduled ? instantFromMicroseconds(item.due) : undefined;
      const kept = { ...readKept(item.kept), dueAt, taken: { task, target, isMarked: false } };
      table.changeKept(item.seq, STATE.taken, LAST_INSTANT, kept);
    }
    const row = table.connection.get<ItemRow>(
      `select ${ROW_COLUMNS} from items where seq = ?`,
      item.seq,
    ) as ItemRow;
    bytes += bytesOf(row);
    taken.push({ ...detailedItemOf(row), ...takenItemOf(row, readKept(row.kept)) });
  }
  return { taken: pack(taken), left: items.slice(taken.length).map(idOf) };
}

export function takenItems(
  transaction: Transaction,
  { task, limit, ...args }: InPartition & { readonly task: string; readonly limit: number },
): readonly TakenItem[] {
  const table = storedTableOf(transaction, args);
  const found: TakenItem[] = [];
  if (table === undefined) return found;
  for (const seq of seqsFrom(table, [STATE.taken], 0n)) {
    const row = table.connection.get<Pick<ItemHead, 'seq' | 'tail' | 'kept'>>(
      'select seq, tail, kept from items where seq = ?',
      seq,
    ) as Pick<ItemHead, 'seq' | 'tail' | 'kept'>;
    const kept = readKept(row.kept);
    if (kept.taken?.task !== task) continue;
    found.push(takenItemOf(row, kept));
    if (found.length === limit) break;
  }
  return found;
}

interface NamedTaken extends InPartition {
  readonly request: TakenIds;
}

export function markTaken(transaction: Transaction, args: NamedTaken): MarkResult {
  const table = tableOf(transaction, args);
  const marked: ItemId[] = [];
  const markedBefore: ItemId[] = [];
  for (const { item, kept, taken } of takenBy(table, args.request)) {
    (taken.isMarked ? markedBefore : marked).push(idOf(item));
    table.changeKept(item.seq, STATE.taken, item.due, { ...kept, taken: { ...taken, isMarked: true } });
  }
  return { marked, markedBefore };
}

export function returnTaken(transaction: Transaction, args: NamedTaken): number {
  const table = tableOf(transaction, args);
  const items = takenBy(table, args.request).filter(({ taken }) => !taken.isMarked);
  for (const { item, kept } of items) {
    const [state, due] =
      kept.dueAt === undefined ? [STATE.waiting, item.expire_deadline] : [STATE.scheduled, kept.dueAt];
    table.changeKept(item.seq, state, due, { ...kept, taken: undefined, dueAt: undefined });
  }
  return items.length;
}

export function removeTaken(transaction: Transaction, args: NamedTaken): void {
  const table = tableOf(transaction, args);
  for (const { item, taken } of takenBy(table, args.request)) if (taken.isMarked) table.remove(item);
}

function takenItemOf(row: Pick<ItemHead, 'seq' | 'tail'>, { taken, dueAt }: Kept): TakenItem {
  const { target, isMarked } = taken as Taken;
  return { id: idOf(row), target, isMarked, ...(dueAt !== undefined && { dueAt }) };
}

function takenBy(table: ItemTable, { task, ids }: TakenIds): readonly TakenHead[] {
  const found: TakenHead[] = [];
  for (const item of table.findAll(ids)) {
    const kept = readKept(item.kept);
    if (item.state === STATE.taken && kept.taken?.task === task)
      found.push({ item, kept, taken: kept.taken });
  }
  return found;
}
