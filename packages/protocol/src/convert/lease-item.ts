import type { DeathReason, Instant, ItemId, LeasedItem, LetterSource } from '@querator/core';
import type { Timestamp } from '../gen/google/protobuf/timestamp.ts';
import type { QueueLeaseItem } from '../gen/querator/queue.ts';
import type { QueueItemSource, QueueLeaseItem as QueueLeaseItemV2 } from '../gen/querator/v2/lease.ts';
import { fromTimestamp, toTimestamp } from '../time/wire-time.ts';

/**
 * The wire form of leased items. Items of one lease have the same deadline, and
 * they share its wire form. Payloads are not copied.
 */
export function fromLeasedItems(items: readonly LeasedItem[]): QueueLeaseItem[] {
  let last: Instant | undefined;
  let leaseDeadline: Timestamp | undefined;
  return items.map((item) => {
    if (item.leaseDeadline !== last) {
      last = item.leaseDeadline;
      leaseDeadline = toTimestamp(last);
    }
    return {
      encoding: item.encoding,
      kind: item.kind,
      reference: item.reference,
      id: item.id,
      attempts: item.attempts,
      leaseDeadline,
      bytes: item.payload,
    };
  });
}

/** The same for a reply under `/v2/`, with the items' details. */
export function fromLeasedItemsV2(items: readonly LeasedItem[]): QueueLeaseItemV2[] {
  return fromLeasedItems(items).map((item, n) => {
    const { createdAt, details } = items[n] as LeasedItem;
    return {
      ...item,
      createdAt: createdAt && toTimestamp(createdAt),
      firstId: details?.firstId ?? '',
      metadata: details === undefined ? new Map() : new Map(details.metadata),
      source: details?.source && fromSource(details.source, details.firstId),
    };
  });
}

/** The wire form of where a dead letter came from. */
export function fromSource(source: LetterSource, firstId: ItemId): QueueItemSource {
  const { queue, queueCreatedAt, partition, id, attempts, producedAt, death, error = '' } = source;
  return {
    ...{ queue, partition, id, firstId, attempts, error },
    producedAt: toTimestamp(producedAt),
    diedAt: death && toTimestamp(death.at),
    reason: death?.reason ?? '',
    queueCreatedAt: queueCreatedAt && toTimestamp(queueCreatedAt),
  };
}

/** A leased item for the client. Its payload is a view on the reply's body. */
export function toLeasedItem(item: QueueLeaseItem): LeasedItem {
  return {
    id: item.id,
    encoding: item.encoding,
    kind: item.kind,
    reference: item.reference,
    payload: item.bytes,
    attempts: item.attempts,
    leaseDeadline: fromTimestamp(item.leaseDeadline ?? { seconds: 0, nanos: 0 }),
  };
}

/** The same from a reply under `/v2/`, with the item's details. */
export function toLeasedItemV2(item: QueueLeaseItemV2): LeasedItem {
  return {
    ...toLeasedItem(item),
    createdAt: item.createdAt && fromTimestamp(item.createdAt),
    details: {
      firstId: item.firstId,
      metadata: item.metadata,
      source: item.source && toSource(item.source),
    },
  };
}

/** Where a dead letter came from, for the client or an import. The reason may be any text. */
export function toSource({
  queue,
  partition,
  id,
  attempts,
  producedAt,
  diedAt,
  reason,
  error,
  queueCreatedAt,
}: QueueItemSource): LetterSource {
  return {
    ...{ queue, partition, id, attempts },
    producedAt: fromTimestamp(producedAt ?? { seconds: 0, nanos: 0 }),
    death: diedAt && { at: fromTimestamp(diedAt), reason: reason as DeathReason },
    error: error === '' ? undefined : error,
    queueCreatedAt: queueCreatedAt && fromTimestamp(queueCreatedAt),
  };
}
