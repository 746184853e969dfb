import type { FoundItem, StoredItem } from '@querator/core';
import { instantFromText } from '../wire/instant-text.ts';
import { readDeath, readDetails } from './item-details.ts';
import { stateOf, trueExpireDeadline } from './item-state.ts';

/** A row of an items table as `pg` returns it. */
export interface ItemRow {
  readonly id: string;
  readonly source_id: string | null;
  readonly is_leased: boolean;
  readonly lease_deadline: string | null;
  readonly expire_deadline: string;
  readonly enqueue_at: string | null;
  readonly created_at: string;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly reference: string;
  readonly encoding: string;
  readonly kind: string;
  readonly payload: Buffer | null;
}

/** The columns of {@link ItemRow}, as a list for SELECT and RETURNING. */
export const ITEM_COLUMNS = [
  ...['id', 'source_id', 'is_leased', 'lease_deadline', 'expire_deadline', 'enqueue_at', 'created_at'],
  ...['attempts', 'max_attempts', 'reference', 'encoding', 'kind', 'payload'],
] as const;

/** Converts a row to an item. */
export function rowToItem(row: ItemRow): StoredItem {
  return {
    id: row.id,
    ...(row.source_id === null ? {} : { sourceId: row.source_id }),
    isLeased: row.is_leased,
    ...(row.lease_deadline === null ? {} : { leaseDeadline: instantFromText(row.lease_deadline) }),
    expireDeadline: trueExpireDeadline(instantFromText(row.expire_deadline)),
    ...(row.enqueue_at === null ? {} : { enqueueAt: instantFromText(row.enqueue_at) }),
    createdAt: instantFromText(row.created_at),
    attempts: row.attempts,
    // A negative value marks a prepared letter.
    maxAttempts: Math.max(row.max_attempts, 0),
    reference: row.reference,
    encoding: row.encoding,
    kind: row.kind,
    payload: payloadOf(row.payload),
  };
}

/** A row with the column for the details of items, as text. */
interface DetailedRow extends ItemRow {
  readonly metadata: string | null;
}

/** The same with the item's details, and its death if it is dead. */
function rowToDetailedItem(row: DetailedRow): StoredItem {
  return { ...rowToItem(row), details: readDetails(row.id, row.metadata), death: readDeath(row.metadata) };
}

/** Converts rows to items. @param details whether the rows have the column for details, as text. */
export function readItem(details: boolean): (row: ItemRow) => StoredItem {
  return details ? (row) => rowToDetailedItem(row as DetailedRow) : rowToItem;
}

/** A row of a search. */
export interface FoundRow extends Omit<ItemRow, 'payload'> {
  readonly payload_size: number;
  /** Undefined if the search did not ask for it. */
  readonly payload?: Buffer | null;
  /** Undefined if the table lacks the column. */
  readonly metadata?: string | null;
  /** Whether a task has taken the item, and when it would expire otherwise. Undefined as `metadata`. */
  readonly is_taken?: boolean;
  readonly own_expire_deadline?: string | null;
}

/** Converts a row of a search to an item. */
export function rowToFoundItem(row: FoundRow): FoundItem {
  const isTaken = row.is_taken === true;
  const { isLeased, payload, leaseDeadline, ...item } = rowToDetailedItem({
    ...row,
    ...(isTaken && { enqueue_at: null, expire_deadline: row.own_expire_deadline ?? row.expire_deadline }),
    payload: row.payload ?? null,
    metadata: row.metadata ?? null,
  });
  const state = isTaken
    ? 'moving'
    : stateOf(isLeased, row.enqueue_at !== null, instantFromText(row.expire_deadline));
  return {
    ...item,
    ...(state === 'dead' ? {} : { leaseDeadline }),
    state,
    payloadSize: row.payload_size,
    ...(row.payload === undefined ? {} : { payload }),
    details: readDetails(row.id, row.metadata ?? null),
  };
}

/** The same bytes without Buffer's methods: callers get a Uint8Array. */
function payloadOf(payload: Buffer | null): Uint8Array {
  if (payload === null) return new Uint8Array();
  return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
}
