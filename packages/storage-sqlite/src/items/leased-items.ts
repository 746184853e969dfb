import {
  addDuration,
  type CompleteRequest,
  type DeathRules,
  type ExtendedItem,
  heldTooLong,
  type Instant,
  type ItemId,
  itemNotLeased,
  itemScheduled,
  type LeaseAction,
  noSuchItem,
  type Outcome,
  type RetriedItem,
  type RetryRequest,
  type RetryResult,
} from '@querator/core';
import type { Transaction } from '../file/transaction.ts';
import { type SentOutcome, sendOutcomes } from '../messages/sent-outcome.ts';
import { laterThanThreshold } from './append-items.ts';
import { type InPartition, tableOf } from './in-partition.ts';
import { type ItemHead, isScheduled, STATE } from './item-row.ts';
import type { ItemTable } from './item-table.ts';
import { readKept } from './kept.ts';

/** Earlier than every claim: the next sweep reports the item. */
const UNCLAIMED = 0n;

export function complete(
  transaction: Transaction,
  { requests, ...args }: InPartition & { readonly requests: readonly CompleteRequest[] },
): readonly SentOutcome<void>[] {
  const table = tableOf(transaction, args);
  return sendOutcomes(
    requests.map(({ ids }): Outcome<void> => {
      const found = allLeased(ids, 'completed', (id) => table.findState(id));
      if (!found.ok) return found;
      for (const item of found.value) table.remove(item);
      return { ok: true, value: undefined };
    }),
  );
}

export function release(
  transaction: Transaction,
  { ids, ...args }: InPartition & { readonly ids: readonly ItemId[] },
): number {
  const table = tableOf(transaction, args);
  const leased = table.findAll(ids).filter(({ state }) => state === STATE.leased);
  for (const item of leased) table.release(item);
  return leased.length;
}

export function extend(
  transaction: Transaction,
  { items, ...args }: InPartition & { readonly items: readonly ExtendedItem[] },
): readonly SentOutcome<Instant>[] {
  const table = tableOf(transaction, args);
  return sendOutcomes(items.map((item) => extendLease(table, item, transaction.now)));
}

function extendLease(
  table: ItemTable,
  { id, leaseTimeout, maxHold }: ExtendedItem,
  now: Instant,
): Outcome<Instant> {
  const found = leased(table.find(id), id, 'extended');
  if (!found.ok) return found;
  const item = found.value;
  const leaseDeadline = addDuration(now, leaseTimeout);
  if (maxHold === undefined) {
    table.change(item.seq, STATE.leased, leaseDeadline);
    return { ok: true, value: leaseDeadline };
  }
  const kept = readKept(item.kept);
  const heldSince = kept.heldSince ?? now;
  if (now > addDuration(heldSince, maxHold)) return { ok: false, error: heldTooLong(id, maxHold) };
  table.changeKept(item.seq, STATE.leased, leaseDeadline, { ...kept, heldSince });
  return { ok: true, value: leaseDeadline };
}

export function retry(
  transaction: Transaction,
  {
    requests,
    rules,
    ...args
  }: InPartition & { readonly requests: readonly RetryRequest[]; readonly rules: DeathRules },
): readonly SentOutcome<RetryResult>[] {
  const table = tableOf(transaction, args);
  return sendOutcomes(
    requests.map(({ items }): Outcome<RetryResult> => {
      const ids = items.map((item) => item.id);
      const found = allLeased(ids, 'retried', (id) => table.find(id));
      if (!found.ok) return found;
      const result = { waiting: 0, scheduled: 0, moving: 0, deleted: 0 };
      items.forEach((item, index) => {
        result[giveBack(table, found.value[index] as ItemHead, item, { rules, now: transaction.now })]++;
      });
      return { ok: true, value: result };
    }),
  );
}

/** Gives a leased item back. @returns its next state. */
function giveBack(
  table: ItemTable,
  item: ItemHead,
  { retryAt, dead, error }: RetriedItem,
  { rules, now }: { readonly rules: DeathRules; readonly now: Instant },
): keyof RetryResult {
  const kept = { ...readKept(item.kept), ...(error !== undefined && { error }) };
  if (dead || isOutOfAttempts(item, rules.maxAttempts)) {
    if (rules.dead === 'delete') {
      table.remove(item);
      return 'deleted';
    }
    const death = { at: now, reason: dead ? ('rejected' as const) : ('attempts' as const) };
    table.changeKept(item.seq, STATE.moving, UNCLAIMED, { ...kept, death });
    return 'moving';
  }
  const enqueueAt = laterThanThreshold(retryAt, now);
  if (enqueueAt === undefined) {
    table.requeue(item, kept);
    return 'waiting';
  }
  table.changeKept(item.seq, STATE.scheduled, enqueueAt, kept);
  return 'scheduled';
}

/** Whether an item was leased as often as the queue allows. */
export function isOutOfAttempts({ attempts }: Pick<ItemHead, 'attempts'>, maxAttempts: number): boolean {
  return maxAttempts !== 0 && attempts >= maxAttempts;
}

/** The items of all ids, or the error for the first id that is not leased. */
function allLeased<Item extends Pick<ItemHead, 'state'>>(
  ids: readonly ItemId[],
  action: LeaseAction,
  find: (id: ItemId) => Item | undefined,
): Outcome<Item[]> {
  const items: Item[] = [];
  for (const id of ids) {
    const found = leased(find(id), id, action);
    if (!found.ok) return found;
    items.push(found.value);
  }
  return { ok: true, value: items };
}

function leased<Item extends Pick<ItemHead, 'state'>>(
  item: Item | undefined,
  id: ItemId,
  action: LeaseAction,
): Outcome<Item> {
  if (item?.state === STATE.leased) return { ok: true, value: item };
  if (item?.state === STATE.waiting) return { ok: false, error: itemNotLeased(id, action) };
  const isLater = item !== undefined && isScheduled(item.state);
  return { ok: false, error: isLater ? itemScheduled(id, action) : noSuchItem(id) };
}
