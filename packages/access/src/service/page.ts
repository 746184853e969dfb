import { errorText, invalid, isBlank, LIMITS, PAYLOAD_BUDGET } from '@querator/core';

/** What a caller asks of a list. */
export interface ListCall {
  /** The most elements; 0: {@link LIMITS.listPageDefault}. */
  readonly limit: number;
  /** The key of the first element, or of the next greater one. Blank: the first. */
  readonly pivot: string;
}

/**
 * A page of a list. It ends at its limit, or once its elements hold `PAYLOAD_BUDGET`
 * bytes. It has at least two elements, if there are two. The last element is the pivot
 * of the next page, which repeats it.
 */
export interface Page<T> {
  readonly items: readonly T[];
  /** Whether more elements followed when the page was read. */
  readonly more: boolean;
}

/** Elements that are read at a time. One may be as long as a request body. */
const ELEMENTS_AT_ONCE = 100;
/** Bytes that an element takes besides its texts. */
const ELEMENT_BYTES = 200;
/** The most bytes of a UTF-16 unit, and those of its quotes and comma in a list. */
const [MOST_BYTES_PER_UNIT, QUOTES_BYTES] = [3, 3];

/**
 * Reads a page in parts, so that elements beyond the page take no memory.
 *
 * @param list reads up to `limit` elements from `pivot` on, which is inclusive.
 * @param keyOf the key of an element, as in `pivot`.
 * @throws QueueError `invalid` for a bad limit.
 */
export async function readPage<T extends object>(
  call: ListCall,
  list: (request: { readonly pivot: string; readonly limit: number }) => Promise<readonly T[]>,
  keyOf: (element: T) => string,
): Promise<Page<T>> {
  if (call.limit < 0) throw invalid('limit is invalid; limit cannot be negative');
  if (call.limit > LIMITS.listPage) {
    throw invalid(errorText`limit is invalid; cannot be greater than ${LIMITS.listPage}`);
  }
  const limit = call.limit || LIMITS.listPageDefault;
  const items: T[] = [];
  let bytes = 0;
  for (let pivot = isBlank(call.pivot) ? '' : call.pivot; ; ) {
    const last = items.at(-1);
    const known = last === undefined ? 0 : 1;
    const asked = Math.min(ELEMENTS_AT_ONCE, known + limit - items.length + 1);
    const found = await list({ pivot, limit: asked });
    for (const element of found) {
      if (last !== undefined && keyOf(element) === keyOf(last)) continue;
      if (items.length === limit || (items.length >= 2 && bytes >= PAYLOAD_BUDGET)) {
        return { items, more: true };
      }
      items.push(element);
      bytes += bytesOf(element);
      pivot = keyOf(element);
    }
    if (found.length < asked) return { items, more: false };
  }
}

/** About the bytes of an element, from the lengths of its texts and lists of texts. */
function bytesOf(element: object): number {
  let bytes = ELEMENT_BYTES;
  for (const value of Object.values(element)) {
    for (const text of Array.isArray(value) ? value : [value]) {
      if (typeof text === 'string') bytes += MOST_BYTES_PER_UNIT * text.length + QUOTES_BYTES;
    }
  }
  return bytes;
}
