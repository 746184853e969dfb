import {
  type FoundItem,
  type ImportedDetails,
  type ImportedItem,
  type InstantRange,
  type ItemFilter,
  UNSET_INSTANT,
} from '@querator/core';
import type { ItemsFilter, ItemsItem, ItemsRange } from '../gen/querator/v2/items.ts';
import { fromOptionalTimestamp, toTimestamp } from '../time/wire-time.ts';
import { fromSource, toSource } from './lease-item.ts';

/** A filter whose words were not checked yet. */
interface GivenFilter extends Omit<ItemFilter, 'state' | 'reason'> {
  readonly state?: string | undefined;
  readonly reason?: string | undefined;
}

/** An item of a search. Undefined ids are not shown to the caller. */
interface ShownItem extends Omit<FoundItem, 'id' | 'details'> {
  readonly id: string | undefined;
  readonly partition: number;
  readonly details: Omit<FoundItem['details'], 'firstId'> & { readonly firstId: string | undefined };
}

/** The conditions of a request. A text, list, map or payload that is empty is no condition. */
export function toItemFilter(message: ItemsFilter | undefined): GivenFilter {
  if (message === undefined) return {};
  const { ids, metadata, payload } = message;
  return {
    state: message.state || undefined,
    ids: ids.length === 0 ? undefined : ids,
    firstId: message.firstId || undefined,
    sourceId: message.sourceId || undefined,
    reference: message.reference || undefined,
    kind: message.kind || undefined,
    encoding: message.encoding || undefined,
    metadata: metadata.size === 0 ? undefined : metadata,
    error: message.error || undefined,
    reason: message.reason || undefined,
    sourceQueue: message.sourceQueue || undefined,
    withoutError: message.withoutError || undefined,
    created: toRange(message.created),
    due: toRange(message.due),
    payload: payload.length === 0 ? undefined : payload,
  };
}

/** The wire form of a filter. */
export function fromItemFilter(filter: ItemFilter): ItemsFilter {
  const { ids = [], metadata, created, due, payload } = filter;
  return {
    ids: [...ids],
    state: filter.state ?? '',
    firstId: filter.firstId ?? '',
    sourceId: filter.sourceId ?? '',
    reference: filter.reference ?? '',
    kind: filter.kind ?? '',
    encoding: filter.encoding ?? '',
    metadata: new Map(metadata),
    error: filter.error ?? '',
    reason: filter.reason ?? '',
    sourceQueue: filter.sourceQueue ?? '',
    withoutError: filter.withoutError ?? false,
    created: fromRange(created),
    due: fromRange(due),
    payload: payload ?? new Uint8Array(),
  };
}

function fromRange(range: InstantRange | undefined): ItemsRange | undefined {
  return range && { from: range.from && toTimestamp(range.from), to: range.to && toTimestamp(range.to) };
}

function toRange(range: ItemsRange | undefined): InstantRange | undefined {
  return range && { from: fromOptionalTimestamp(range.from), to: fromOptionalTimestamp(range.to) };
}

/** The wire form of an item of a search. The payload is not copied. */
export function fromShownItem(item: ShownItem): ItemsItem {
  const { partition, state, reference, encoding, kind, attempts, maxAttempts, payloadSize } = item;
  const { details, death, leaseDeadline, enqueueAt } = item;
  const { firstId = '', metadata, error = '', source } = details;
  return {
    ...{ partition, state, reference, encoding, kind, attempts, maxAttempts, payloadSize, firstId, error },
    id: item.id ?? '',
    sourceId: item.sourceId ?? '',
    createdAt: toTimestamp(item.createdAt),
    leaseDeadline: leaseDeadline && toTimestamp(leaseDeadline),
    expireDeadline: toTimestamp(item.expireDeadline),
    enqueueAt: enqueueAt && toTimestamp(enqueueAt),
    metadata: new Map(metadata),
    source: source && fromSource(source, firstId),
    reason: death?.reason ?? '',
    diedAt: death && toTimestamp(death.at),
    payload: item.payload ?? new Uint8Array(),
    dedupKey: '',
  };
}

/** An item of an import, whose words were not checked yet. The payload is not copied. */
interface GivenItem extends Omit<ImportedItem, 'isLeased'> {
  readonly state: string;
  readonly partition: number;
  readonly dedupKey: string;
}

/** The item of an import request. What the import gives it anew is left out. */
export function toGivenItem(item: ItemsItem): GivenItem {
  const { state, partition, attempts, maxAttempts, reference, encoding, kind, payload, dedupKey } = item;
  return {
    ...{ state, partition, attempts, maxAttempts, reference, encoding, kind, payload, dedupKey },
    sourceId: item.sourceId || undefined,
    leaseDeadline: setInstant(item.leaseDeadline),
    expireDeadline: setInstant(item.expireDeadline),
    enqueueAt: setInstant(item.enqueueAt),
    details: detailsOf(item),
  };
}

function detailsOf({ firstId, metadata, error, source }: ItemsItem): ImportedDetails | undefined {
  if (firstId === '' && metadata.size === 0 && error === '' && source === undefined) return undefined;
  return {
    firstId: firstId || undefined,
    metadata,
    error: error || undefined,
    source: source && toSource(source),
  };
}

/** An absent time, or the zero time of other clients, is undefined. */
function setInstant(timestamp: ItemsItem['leaseDeadline']) {
  const instant = fromOptionalTimestamp(timestamp);
  return instant === UNSET_INSTANT ? undefined : instant;
}
