import {
  addDuration,
  type DeadLetter,
  type Duration,
  expireDeadlineFrom,
  type ImportedItem,
  type Instant,
  type ItemId,
  type LetterTimeouts,
  type StoredItem,
} from '@querator/core';
import type { Transaction } from '../file/transaction.ts';
import { type Packed, pack, unpack } from '../messages/packed-payloads.ts';
import { addingTableOf, type InPartition, tableOf, usedTableOf } from './in-partition.ts';
import { type ItemHead, type ItemRow, itemOf, ROW_COLUMNS, STATE } from './item-row.ts';
import type { ItemTable } from './item-table.ts';
import { keptFrom, readKept } from './kept.ts';
import { addKey, idsOfKey } from './keys.ts';

interface ImportOptions {
  readonly now: Instant;
  readonly expireTimeout: Duration;
  /** The state of items that are leased. */
  readonly leasedAs: bigint;
  /** When a prepared letter becomes available. Undefined: once it is committed. */
  readonly dueAt?: Instant | undefined;
}

/** The stored items on their way to the main thread, and where each is in the request. */
interface Imported {
  readonly stored: Packed<StoredItem>;
  readonly places: readonly number[];
}

export interface ImportArgs extends InPartition {
  readonly items: Packed<ImportedItem>;
  readonly expireTimeout: Duration;
  /** The dedup keys of the items, in their order. Undefined: they have none. */
  readonly keyed?: {
    readonly groups: readonly { readonly key: string; readonly count: number }[];
    readonly window: Duration;
  };
}

export function importAll(
  transaction: Transaction,
  { items, expireTimeout, keyed, ...args }: ImportArgs,
): Imported {
  const table = addingTableOf(transaction, args);
  const { now } = transaction;
  const options = { now, expireTimeout, leasedAs: STATE.leased };
  const stored: StoredItem[] = [];
  const places: number[] = [];
  const all = unpack(items);
  /** @returns the ids of those that were stored. */
  const importSome = (begin: number, end: number): readonly ItemId[] =>
    all.slice(begin, end).flatMap((item, n) => {
      const id = importItem(table, item, options);
      if (id === undefined) return [];
      stored.push(itemOf(rowOf(table, id)));
      places.push(begin + n);
      return [id];
    });
  if (keyed === undefined) {
    importSome(0, all.length);
    return { stored: pack(stored), places };
  }
  let begin = 0;
  for (const { key, count } of keyed.groups) {
    if (idsOfKey(table, key, now) === undefined) {
      const ids = importSome(begin, begin + count);
      addKey(table, { key, ids, endsAt: addDuration(now, keyed.window) });
    }
    begin += count;
  }
  return { stored: pack(stored), places };
}

export function prepareLetters(
  transaction: Transaction,
  {
    letters,
    timeouts: { expireTimeout, autoCommitTimeout },
    ...args
  }: InPartition & { readonly letters: Packed<DeadLetter>; readonly timeouts: LetterTimeouts },
): void {
  const table = addingTableOf(transaction, args);
  const { now } = transaction;
  const timeout = addDuration(now, autoCommitTimeout);
  const options = { now, expireTimeout, leasedAs: STATE.prepared };
  for (const { sourceId, encoding, kind, reference, payload, details, dueAt } of unpack(letters)) {
    const content = { sourceId, encoding, kind, reference, payload, details };
    const leaseDeadline = laterOf(dueAt, timeout);
    const expireDeadline = expireDeadlineFrom(laterOf(dueAt, now), expireTimeout);
    const prepared = { isLeased: true, leaseDeadline, expireDeadline, attempts: 0, maxAttempts: 0 };
    importItem(table, { ...content, ...prepared }, { ...options, dueAt });
  }
}

export function commitLetters(
  transaction: Transaction,
  { sourceIds, ...args }: InPartition & { readonly sourceIds: readonly ItemId[] },
): number {
  const table = tableOf(transaction, args);
  const letters = preparedLetters(table, sourceIds).sort((a, b) => (a.seq < b.seq ? -1 : 1));
  for (const letter of letters) {
    const kept = readKept(letter.kept);
    table.requeue(letter, kept, kept.dueAt);
  }
  return letters.length;
}

export function abortLetters(
  transaction: Transaction,
  { sourceIds, ...args }: InPartition & { readonly sourceIds: readonly ItemId[] },
): number {
  const table = tableOf(transaction, args);
  const letters = preparedLetters(table, sourceIds);
  for (const letter of letters) table.remove(letter);
  return letters.length;
}

/** Those source ids that belong to prepared letters. */
export function findLetters(
  transaction: Transaction,
  { sourceIds, ...args }: InPartition & { readonly sourceIds: readonly ItemId[] },
): readonly ItemId[] {
  const table = usedTableOf(transaction, args);
  if (table === undefined) return [];
  const prepared = new Set(preparedLetters(table, sourceIds).map(({ seq }) => seq));
  return [...new Set(sourceIds)].filter((id) => prepared.has(table.findBySource(id)?.seq ?? -1n));
}

function preparedLetters(table: ItemTable, sourceIds: readonly ItemId[]): ItemHead[] {
  return [...new Set(sourceIds)]
    .map((id) => table.findBySource(id))
    .filter((item) => item !== undefined)
    .filter(({ state }) => state === STATE.prepared);
}

/** Adds an item in its state. @returns its id; undefined if the partition has its source id. */
function importItem(
  table: ItemTable,
  item: ImportedItem,
  { now, expireTimeout, leasedAs, dueAt }: ImportOptions,
): ItemId | undefined {
  const { sourceId, enqueueAt, encoding, kind, reference, payload, attempts, maxAttempts } = item;
  if (sourceId !== undefined && table.findBySource(sourceId) !== undefined) return undefined;
  const expireDeadline = item.expireDeadline ?? addDuration(now, expireTimeout);
  const isLeased = item.isLeased && enqueueAt === undefined;
  return table.append({
    ...{ sourceId, encoding, kind, reference, payload, attempts, maxAttempts, expireDeadline },
    createdAt: now,
    ...stateOf(item, { now, expireDeadline, leasedAs }),
    idleLeaseDeadline: isLeased ? undefined : item.leaseDeadline,
    kept: dueAt === undefined ? keptFrom(item.details) : { ...keptFrom(item.details), dueAt },
  });
}

function stateOf(
  { isLeased, leaseDeadline, enqueueAt }: ImportedItem,
  { now, expireDeadline, leasedAs }: Pick<ImportOptions, 'now' | 'leasedAs'> & { expireDeadline: Instant },
): { readonly state: bigint; readonly due: Instant } {
  if (enqueueAt !== undefined) return { state: STATE.scheduled, due: enqueueAt };
  // A lease without a deadline counts as overdue.
  if (isLeased) return { state: leasedAs, due: leaseDeadline ?? now };
  return { state: STATE.waiting, due: expireDeadline };
}

function rowOf(table: ItemTable, id: ItemId): ItemRow {
  const seq = table.seqOf(id) ?? null;
  return table.connection.get<ItemRow>(`select ${ROW_COLUMNS} from items where seq = ?`, seq) as ItemRow;
}

function laterOf(at: Instant | undefined, other: Instant): Instant {
  return at !== undefined && at > other ? at : other;
}
