import type { ItemContent } from './item.ts';

/**
 * Once a storage call has taken items with so many bytes of content, it may
 * leave what it would otherwise take as well. Content is the payload and the
 * texts: each of them may be as long as a request body.
 */
export const PAYLOAD_BUDGET = 16_000_000;

/** No encoding of a text takes more bytes for one of its UTF-16 units. */
const MOST_BYTES_PER_UNIT = 3;

/**
 * At most how many bytes the content of an item takes, in whatever encoding a
 * driver counts its texts. Costs nothing: no text is looked into.
 */
export function contentBytes({ payload, reference, encoding, kind }: ItemContent): number {
  return payload.byteLength + MOST_BYTES_PER_UNIT * (reference.length + encoding.length + kind.length);
}

/** Whether a storage call that took these items may have left others for their size. */
export function isBudgetSpent(items: readonly ItemContent[], budget: number = PAYLOAD_BUDGET): boolean {
  let bytes = 0;
  for (const item of items) bytes += contentBytes(item);
  return bytes >= budget;
}
