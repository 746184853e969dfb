import type { FoundItem, ItemFilter } from '../item/item-filter.ts';
import type { ItemId } from '../item/item-id.ts';

/**
 * How much one search may read. It ends at the first bound that is reached, and
 * answers what it has found by then.
 */
export interface FindBounds {
  /** The most items to read; at least 1. */
  readonly rows: number;
  /**
   * Bytes of contents that are read: the texts of the items found and their payloads,
   * if the search returns them, and all payloads that it looks into. The item at which
   * the bound is reached is still read.
   */
  readonly bytes: number;
  /** Milliseconds. A storage that has read nothing by then may take longer for a few items. */
  readonly ms: number;
}

/** The bounds of one search of an operator. */
export const FIND_BOUNDS: FindBounds = { rows: 20_000, bytes: 16_000_000, ms: 1_000 };

/** One page of a search, in the order of ids. */
export interface FindRequest {
  readonly filter: ItemFilter;
  /** The most items of the page; at least 1. */
  readonly limit: number;
  /** The search goes on after this id, whether or not an item has it. Undefined: begins at the first item. */
  readonly after?: ItemId | undefined;
  /** Undefined: {@link FIND_BOUNDS}. */
  readonly bounds?: FindBounds | undefined;
  /** Whether the items have their payloads. */
  readonly withPayload?: boolean | undefined;
  /** Aborted once no caller waits for the page. Then the driver may end the search. */
  readonly signal?: AbortSignal | undefined;
}

/** The result of a search. */
export interface FindPage {
  /** In the order of their ids. Maybe none, even if there are more further on. */
  readonly items: readonly FoundItem[];
  /** How many items were read. An index may spare the driver to read items that do not match. */
  readonly scanned: number;
  /** The bytes that count towards the bound of the request. */
  readonly bytes: number;
  /** The next page goes on after this id. Undefined: there are no more items. */
  readonly next?: ItemId | undefined;
}
