import type { ItemContent, NewItem } from './item.ts';
import type { ImportedDetails, Metadata } from './item-details.ts';

/**
 * A storage call may stop taking items once their contents reach this many
 * bytes. Content is the payload and the texts: each of them may be as long as a
 * request body. Details count too where a call returns them.
 */
export const PAYLOAD_BUDGET = 16_000_000;

/** The most bytes that any encoding needs for one UTF-16 unit. */
const MOST_BYTES_PER_UNIT = 3;

/**
 * An upper bound on the bytes of an item's content, for any encoding of its
 * texts. Cheap: it reads lengths only.
 */
export function contentBytes({ payload, reference, encoding, kind }: ItemContent): number {
  return payload.byteLength + MOST_BYTES_PER_UNIT * (reference.length + encoding.length + kind.length);
}

/** As {@link contentBytes}, with the metadata of the item. */
export function newItemBytes(item: NewItem): number {
  return contentBytes(item) + (item.metadata === undefined ? 0 : metadataBytes(item.metadata));
}

function metadataBytes(metadata: Metadata): number {
  let units = 0;
  for (const [key, value] of metadata) units += key.length + value.length;
  return MOST_BYTES_PER_UNIT * units;
}

/** JSON writes a control character in six bytes. */
const MOST_BYTES_PER_UNIT_IN_JSON = 6;
/** Names, times, numbers and quotes in the details of an item. */
const DETAILS_BYTES = 500;
/** Quotes and separators of a pair. */
const PAIR_BYTES = 8;

/** An upper bound on the bytes of an item's details, also as JSON. */
export function detailsBytes({ metadata, error = '', source }: ImportedDetails): number {
  let units = error.length + (source?.queue.length ?? 0) + (source?.error?.length ?? 0);
  for (const [key, value] of metadata) units += key.length + value.length;
  return DETAILS_BYTES + PAIR_BYTES * metadata.size + MOST_BYTES_PER_UNIT_IN_JSON * units;
}

/** Whether a storage call that took these items may have stopped at the budget. */
export function isBudgetSpent(
  items: readonly (ItemContent & { readonly details?: ImportedDetails | undefined })[],
  budget: number = PAYLOAD_BUDGET,
): boolean {
  let bytes = 0;
  for (const item of items) {
    bytes += contentBytes(item) + (item.details === undefined ? 0 : detailsBytes(item.details));
  }
  return bytes >= budget;
}
