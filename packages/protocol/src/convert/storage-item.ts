import { type ImportedItem, type Instant, type StoredItem, UNSET_INSTANT } from '@querator/core';
import type { Timestamp } from '../gen/google/protobuf/timestamp.ts';
import type { StorageItem } from '../gen/querator/storage.ts';
import { fromTimestamp, toTimestamp } from '../time/wire-time.ts';

/**
 * The wire form of a stored item, for operators. `lease_deadline` is always set,
 * to Go's zero time if the item is not leased: clients compare it with the zero
 * time and would read an absent field as 1970.
 */
export function fromStoredItem(item: StoredItem): StorageItem {
  return {
    id: item.id,
    sourceId: item.sourceId ?? '',
    isLeased: item.isLeased,
    leaseDeadline: toTimestamp(item.leaseDeadline ?? UNSET_INSTANT),
    expireDeadline: toTimestamp(item.expireDeadline),
    deadDeadline: undefined,
    createdAt: toTimestamp(item.createdAt),
    updatedAt: undefined,
    enqueueAt: item.enqueueAt === undefined ? undefined : toTimestamp(item.enqueueAt),
    attempts: item.attempts,
    maxAttempts: item.maxAttempts,
    reference: item.reference,
    encoding: item.encoding,
    kind: item.kind,
    payload: item.payload,
  };
}

/**
 * The item of an import request, without its id and `created_at`. A time that is
 * absent or the zero time becomes undefined. The payload is not copied: see
 * `toNewItem`.
 */
export function toImportedItem(item: StorageItem): ImportedItem {
  return {
    sourceId: item.sourceId === '' ? undefined : item.sourceId,
    isLeased: item.isLeased,
    leaseDeadline: toSetInstant(item.leaseDeadline),
    expireDeadline: toSetInstant(item.expireDeadline),
    enqueueAt: toSetInstant(item.enqueueAt),
    attempts: item.attempts,
    maxAttempts: item.maxAttempts,
    reference: item.reference,
    encoding: item.encoding,
    kind: item.kind,
    payload: item.payload,
  };
}

/** A stored item for the client. */
export function toStoredItem(item: StorageItem): StoredItem {
  const { details: _, ...stored } = toImportedItem(item);
  return {
    ...stored,
    id: item.id,
    expireDeadline: toSetInstant(item.expireDeadline) ?? UNSET_INSTANT,
    createdAt: toSetInstant(item.createdAt) ?? UNSET_INSTANT,
  };
}

function toSetInstant(timestamp: Timestamp | undefined): Instant | undefined {
  if (timestamp === undefined) return undefined;
  const instant = fromTimestamp(timestamp);
  return instant === UNSET_INSTANT ? undefined : instant;
}
