import type { Instant } from '../time/instant.ts';
import type { StoredItem } from './item.ts';
import type { DeathReason, ItemDetails, Metadata } from './item-details.ts';
import type { ItemId } from './item-id.ts';
import type { ItemState } from './item-state.ts';

/** A span of time. Undefined: without a bound on that side. */
export interface InstantRange {
  /** Inclusive. */
  readonly from?: Instant | undefined;
  /** Exclusive. */
  readonly to?: Instant | undefined;
}

/**
 * Conditions on the items of a partition. An item must meet all that are set; a filter
 * without any takes every item. Texts contain no U+0000. Texts and bytes are compared
 * as they are: no character of them has another meaning.
 */
export interface ItemFilter {
  readonly state?: ItemState | undefined;
  /** The item has one of these ids. May contain malformed ids, which no item has. */
  readonly ids?: readonly ItemId[] | undefined;
  readonly firstId?: ItemId | undefined;
  readonly sourceId?: ItemId | undefined;
  readonly reference?: string | undefined;
  readonly kind?: string | undefined;
  readonly encoding?: string | undefined;
  /** The item has all these pairs, among others. */
  readonly metadata?: Metadata | undefined;
  /** The text is part of the item's {@link knownError}. */
  readonly error?: string | undefined;
  /** The item's {@link knownReason}. */
  readonly reason?: DeathReason | undefined;
  /** The queue in which a dead letter died. */
  readonly sourceQueue?: string | undefined;
  /** True: the item has no {@link knownError}. */
  readonly withoutError?: boolean | undefined;
  /** When the item entered the partition. It stays when the item gets another id. */
  readonly created?: InstantRange | undefined;
  /** The item's {@link dueOf}. */
  readonly due?: InstantRange | undefined;
  /** The bytes are part of the payload. */
  readonly payload?: Uint8Array | undefined;
}

/** An item as a search shows it. */
export interface FoundItem extends Omit<StoredItem, 'isLeased' | 'payload' | 'details'> {
  readonly state: ItemState;
  /** In bytes. */
  readonly payloadSize: number;
  /** Undefined if the search did not ask for it. */
  readonly payload?: Uint8Array | undefined;
  /** A partition that keeps no metadata shows the item's id as the first one, and nothing else. */
  readonly details: ItemDetails;
}

/** An item without its payload, as filters see it. */
type FilteredItem = Omit<FoundItem, 'payload'>;

/**
 * When a sweep would handle the item: a waiting one expires, a lease ends, a scheduled
 * item becomes available. Undefined for a dead or moving item, whose deadlines have no meaning.
 */
export function dueOf({
  state,
  expireDeadline,
  leaseDeadline,
  enqueueAt,
}: Pick<FilteredItem, 'state' | 'expireDeadline' | 'leaseDeadline' | 'enqueueAt'>): Instant | undefined {
  const dues: Readonly<Record<ItemState, Instant | undefined>> = {
    waiting: expireDeadline,
    leased: leaseDeadline,
    scheduled: enqueueAt,
    dead: undefined,
    moving: undefined,
  };
  return dues[state];
}

/** The last error that is known of an item: its own, or else the one that a dead letter died with. */
export function knownError({ details }: Pick<FilteredItem, 'details'>): string | undefined {
  return details.error ?? details.source?.error;
}

/** Why a dead item died, or else the item that became this dead letter. */
export function knownReason({
  death,
  details,
}: Pick<FilteredItem, 'death' | 'details'>): DeathReason | undefined {
  return (death ?? details.source?.death)?.reason;
}

/**
 * Whether an item meets all conditions of a filter.
 *
 * @param hasInPayload whether the bytes are part of the payload. Called last, and only
 *   if the filter asks.
 */
export function matchesFilter(
  item: FilteredItem,
  filter: ItemFilter,
  hasInPayload: (part: Uint8Array) => boolean,
): boolean {
  const { state, ids, firstId, sourceId, reference, kind, encoding, reason } = filter;
  return (
    isAsked(state, item.state) &&
    (ids === undefined || ids.includes(item.id)) &&
    isAsked(firstId, item.details.firstId) &&
    isAsked(sourceId, item.sourceId) &&
    isAsked(reference, item.reference) &&
    isAsked(kind, item.kind) &&
    isAsked(encoding, item.encoding) &&
    isAsked(reason, knownReason(item)) &&
    isAsked(filter.sourceQueue, item.details.source?.queue) &&
    (filter.withoutError !== true || knownError(item) === undefined) &&
    isWithin(filter.created, item.createdAt) &&
    isWithin(filter.due, dueOf(item)) &&
    hasPairs(filter.metadata, item.details.metadata) &&
    (filter.error === undefined || knownError(item)?.includes(filter.error) === true) &&
    (filter.payload === undefined || hasInPayload(filter.payload))
  );
}

/** @param asked undefined: any value will do. */
function isAsked<T>(asked: T | undefined, value: T | undefined): boolean {
  return asked === undefined || asked === value;
}

function isWithin(range: InstantRange | undefined, at: Instant | undefined): boolean {
  const { from, to } = range ?? {};
  if (from === undefined && to === undefined) return true;
  return at !== undefined && (from === undefined || at >= from) && (to === undefined || at < to);
}

function hasPairs(pairs: Metadata | undefined, metadata: Metadata): boolean {
  for (const [key, value] of pairs ?? []) if (metadata.get(key) !== value) return false;
  return true;
}
