import { type Instant, type ItemId, instantFromMicroseconds, type StoredItem } from '@querator/core';
import { idOf } from '../file/sequence.ts';
import { detailsOf, type Kept, readKept } from './kept.ts';

/** The states of items in the table. `taken`: a task has taken it, and it counts as scheduled. */
export const STATE = {
  waiting: 0n,
  leased: 1n,
  scheduled: 2n,
  prepared: 3n,
  moving: 4n,
  moved: 5n,
  taken: 6n,
} as const;

/** The states that count as leased. */
export const LIKE_LEASED: readonly bigint[] = [STATE.leased, STATE.prepared, STATE.moving, STATE.moved];
/** The states of items that a list of queued ones shows. */
export const QUEUED: readonly bigint[] = [STATE.waiting, STATE.leased, STATE.moving, STATE.moved];
/** The states of items that count as scheduled. */
export const LIKE_SCHEDULED: readonly bigint[] = [STATE.scheduled, STATE.taken];

/** A row without its content. */
export interface ItemHead {
  readonly seq: bigint;
  readonly tail: string;
  readonly state: bigint;
  /** Waiting: its expiry. Leased or prepared: the end of that. Scheduled: its time. Moving: the end of the claim. */
  readonly due: bigint;
  readonly attempts: bigint;
  readonly max_attempts: bigint;
  readonly created_at: bigint;
  readonly expire_deadline: bigint;
  /** The imported lease deadline of an item that is not leased. */
  readonly idle_lease_deadline: bigint | null;
  readonly source_id: string | null;
  /** As JSON; see {@link Kept}. */
  readonly kept: string | null;
}

/** The texts of a row. */
export interface ItemTexts {
  readonly encoding: string;
  readonly kind: string;
  readonly reference: string;
}

/** A row of the table of items. */
export interface ItemRow extends ItemHead, ItemTexts {
  readonly payload: Uint8Array;
}

/** The columns of {@link ItemHead}. */
export const HEAD_COLUMNS = `seq, tail, state, due, attempts, max_attempts, created_at, expire_deadline,
  idle_lease_deadline, source_id, kept`;
/** The columns of {@link ItemRow}. */
export const ROW_COLUMNS = `${HEAD_COLUMNS}, encoding, kind, reference, payload`;
/** Bytes of the content of a row, which SQLite knows without reading it. */
export const CONTENT_BYTES =
  'octet_length(payload) + octet_length(reference) + octet_length(encoding) + octet_length(kind)';

/** Whether an item is dead, and waits for the end of its move. */
export function isMoving(state: bigint): boolean {
  return state === STATE.moving || state === STATE.moved;
}

export function isScheduled(state: bigint): boolean {
  return LIKE_SCHEDULED.includes(state);
}

/** What of an item is stored besides its content. */
export function fieldsOf(row: ItemHead): Omit<StoredItem, keyof ItemTexts | 'payload'> {
  const { state, idle_lease_deadline: idle } = row;
  const due = instantFromMicroseconds(row.due);
  const isLeased = state === STATE.leased || state === STATE.prepared;
  return {
    id: idOf(row),
    sourceId: row.source_id ?? undefined,
    isLeased: isLeased || isMoving(state),
    leaseDeadline: isLeased ? due : idle === null ? undefined : instantFromMicroseconds(idle),
    expireDeadline: instantFromMicroseconds(row.expire_deadline),
    enqueueAt: isScheduled(state) ? due : undefined,
    createdAt: instantFromMicroseconds(row.created_at),
    attempts: Number(row.attempts),
    maxAttempts: Number(row.max_attempts),
  };
}

/** The item in a row. */
export function itemOf(row: ItemRow): StoredItem {
  const { encoding, kind, reference, payload } = row;
  return { ...fieldsOf(row), encoding, kind, reference, payload };
}

/** The item in a row, with its details, and its death if it is dead. */
export function detailedItemOf(row: ItemRow): StoredItem {
  const kept = readKept(row.kept);
  return { ...itemOf(row), details: detailsOf(idOf(row), kept), death: kept.death };
}

/** What makes up a new row besides its id. */
export interface NewRow extends ItemTexts {
  readonly state: bigint;
  readonly due: Instant;
  readonly createdAt: Instant;
  readonly expireDeadline: Instant;
  readonly attempts: number;
  readonly maxAttempts: number;
  readonly idleLeaseDeadline?: Instant | undefined;
  readonly sourceId?: ItemId | undefined;
  readonly kept?: Kept | undefined;
  readonly payload: Uint8Array;
}
