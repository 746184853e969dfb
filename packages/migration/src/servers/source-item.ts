import { type Instant, LAST_INSTANT, UNSET_INSTANT } from '@querator/core';
import {
  fromOptionalTimestamp,
  type ItemsItem,
  type QueueLeaseItem,
  type QueueLeaseItemV2,
  type StorageItem,
  type Timestamp,
} from '@querator/protocol';
import { EMPTY_ITEM } from '../items/empty-item.ts';

/** An item of the source as the target imports it. */
export interface SourceItem {
  /** Its present id at the source. */
  readonly id: string;
  readonly partition: number;
  /** The dedup key at the target. */
  readonly key: string;
  readonly item: ItemsItem;
  /** From then on the source may give it another id, or take it out of the queue. */
  readonly safeUntil: Instant;
}

/** An item that the source cannot give away now. */
export interface HeldItem {
  /** When that may change. */
  readonly heldUntil: Instant;
}

/** An item as `v1/storage/items.list` and `scheduled.list` show it, unless it is leased. */
export function fromStorageItem(found: StorageItem, partition: number): SourceItem | HeldItem {
  if (found.isLeased) return { heldUntil: setInstant(found.leaseDeadline) ?? LAST_INSTANT };
  return contentOf(found, partition);
}

/** An item as these calls show it, leased or not. */
export function contentOf(found: StorageItem, partition: number): SourceItem {
  const { id, sourceId, reference, encoding, kind, payload, attempts, maxAttempts } = found;
  const enqueueAt = setInstant(found.enqueueAt);
  const expires = setInstant(found.expireDeadline) ?? LAST_INSTANT;
  return {
    ...{ id, partition, key: keyOfId(id) },
    safeUntil: enqueueAt !== undefined && enqueueAt < expires ? enqueueAt : expires,
    item: {
      ...EMPTY_ITEM,
      ...{ partition, sourceId, reference, encoding, kind, payload, attempts, maxAttempts },
      expireDeadline: found.expireDeadline,
      ...(enqueueAt === undefined ? {} : { state: 'scheduled', enqueueAt: found.enqueueAt }),
    },
  };
}

/**
 * An item as `v2/items.export` shows it. It is known by its first id, whatever its
 * present one is, for as long as it is in the queue.
 */
export function fromExportedItem(item: ItemsItem, move: string): SourceItem | HeldItem {
  const { id, partition, firstId, state } = item;
  const expires = setInstant(item.expireDeadline) ?? LAST_INSTANT;
  if (state !== 'waiting' && state !== 'scheduled') {
    return { heldUntil: setInstant(item.leaseDeadline) ?? expires };
  }
  return { id, partition, key: keyOfFirstId(move, firstId), item, safeUntil: expires };
}

/** An item that a consumer leased. One attempt less, for the target counts from the leases of consumers. */
export function fromLeasedItem(
  leased: QueueLeaseItem | QueueLeaseItemV2,
  partition: number,
  move: string,
): SourceItem {
  const { id, reference, encoding, kind, bytes, attempts } = leased;
  const content = {
    partition,
    reference,
    encoding,
    kind,
    payload: bytes,
    attempts: Math.max(attempts - 1, 0),
  };
  const safeUntil = setInstant(leased.leaseDeadline) ?? UNSET_INSTANT;
  if (!('firstId' in leased)) {
    return { id, partition, key: keyOfId(id), item: { ...EMPTY_ITEM, ...content }, safeUntil };
  }
  const { firstId, metadata, source } = leased;
  const item = { ...EMPTY_ITEM, ...content, firstId, metadata, source };
  return { id, partition, key: keyOfFirstId(move, firstId), item, safeUntil };
}

/** A first id comes back if the item is moved back. So the key is one of this move. */
function keyOfFirstId(move: string, firstId: string): string {
  return `migrate/${move}/${firstId}`;
}

function keyOfId(id: string): string {
  return `migrate/${id}`;
}

/** An absent time, or the zero time of other servers, is undefined. */
function setInstant(timestamp: Timestamp | undefined): Instant | undefined {
  const instant = fromOptionalTimestamp(timestamp);
  return instant === UNSET_INSTANT ? undefined : instant;
}
