import { type ImportedItem, type Instant, instantFromMicroseconds, type StoredItem } from '@querator/core';

/** The states of the guide. */
export type ItemState = 'waiting' | 'leased' | 'scheduled' | 'condemned' | 'moved';

/** Dead and kept aside, its letter stored elsewhere or not yet. */
export function isCondemned(state: ItemState | undefined): boolean {
  return state === 'condemned' || state === 'moved';
}

/** An item as the table has it. */
export interface ItemRow {
  readonly id: string;
  readonly source_id: string | null;
  readonly state: ItemState;
  /** Expiry of a waiting item, end of a lease, time of a scheduled one, end of the claim on a condemned one. */
  readonly due_at: bigint;
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
  // Condemned items are listed as leased ones.
  const isLeased = row.state === 'leased' || isCondemned(row.state);
  return {
    id: row.id,
    sourceId: row.source_id ?? undefined,
    isLeased,
    leaseDeadline: isLeased ? dueAt : undefined,
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

/** The row of a new item. */
export function rowOf(item: ImportedItem, id: string, now: Instant, expireDeadline: Instant): ItemRow {
  return {
    id,
    source_id: item.sourceId ?? null,
    ...stateOf(item, now, expireDeadline),
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
  now: Instant,
  expireDeadline: Instant,
): Pick<ItemRow, 'state' | 'due_at'> {
  if (item.enqueueAt !== undefined) return { state: 'scheduled', due_at: item.enqueueAt };
  if (item.isLeased) return { state: 'leased', due_at: item.leaseDeadline ?? now };
  return { state: 'waiting', due_at: expireDeadline };
}
