import { type ImportedItem, type Instant, instantFromMicroseconds, type StoredItem } from '@querator/core';

/** The states of the guide. */
export type ItemState = 'waiting' | 'leased' | 'scheduled' | 'prepared' | 'moving' | 'moved';

/** Dead and not available. Its letter may be stored elsewhere already. */
export function isMoving(state: ItemState | undefined): boolean {
  return state === 'moving' || state === 'moved';
}

/** A row of the table of items. */
export interface ItemRow {
  readonly id: string;
  readonly source_id: string | null;
  readonly state: ItemState;
  /** Waiting: its expiry. Leased or prepared: the end of that. Scheduled: its time. Moving: the end of the claim. */
  readonly due_at: bigint;
  /** The imported lease deadline of an item that is not leased. */
  readonly idle_lease_deadline: bigint | null;
  readonly attempts: bigint;
  readonly max_attempts: bigint;
  readonly created_at: bigint;
  readonly expire_deadline: bigint;
  readonly encoding: string;
  readonly kind: string;
  readonly reference: string;
  readonly payload: Uint8Array;
}

/** The item in a row. */
export function itemOf(row: ItemRow): StoredItem {
  const dueAt = instantFromMicroseconds(row.due_at);
  // Lists show moving items as leased.
  const isLeased = row.state === 'leased' || row.state === 'prepared' || isMoving(row.state);
  const idleLeaseDeadline =
    row.idle_lease_deadline === null ? undefined : instantFromMicroseconds(row.idle_lease_deadline);
  return {
    id: row.id,
    sourceId: row.source_id ?? undefined,
    isLeased,
    leaseDeadline: isLeased ? dueAt : idleLeaseDeadline,
    expireDeadline: instantFromMicroseconds(row.expire_deadline),
    enqueueAt: row.state === 'scheduled' ? dueAt : undefined,
    createdAt: instantFromMicroseconds(row.created_at),
    attempts: Number(row.attempts),
    maxAttempts: Number(row.max_attempts),
    encoding: row.encoding,
    kind: row.kind,
    reference: row.reference,
    payload: row.payload,
  };
}

/** The values of a new row besides its item. */
export interface NewRow {
  readonly now: Instant;
  readonly expireDeadline: Instant;
  readonly leasedAs: 'leased' | 'prepared';
}

/** The row of a new item. @param leasedAs its state if it is leased. */
export function rowOf(item: ImportedItem, id: string, { now, expireDeadline, leasedAs }: NewRow): ItemRow {
  const isIdle = !item.isLeased || item.enqueueAt !== undefined;
  return {
    id,
    source_id: item.sourceId ?? null,
    ...stateOf(item, { now, expireDeadline, leasedAs }),
    idle_lease_deadline: isIdle ? (item.leaseDeadline ?? null) : null,
    attempts: BigInt(item.attempts),
    max_attempts: BigInt(item.maxAttempts),
    created_at: now,
    expire_deadline: expireDeadline,
    encoding: item.encoding,
    kind: item.kind,
    reference: item.reference,
    payload: item.payload,
  };
}

function stateOf(
  item: ImportedItem,
  { now, expireDeadline, leasedAs }: NewRow,
): Pick<ItemRow, 'state' | 'due_at'> {
  if (item.enqueueAt !== undefined) return { state: 'scheduled', due_at: item.enqueueAt };
  if (item.isLeased) return { state: leasedAs, due_at: item.leaseDeadline ?? now };
  return { state: 'waiting', due_at: expireDeadline };
}
