import { errorText, invalid, isBlank, LIMITS } from '@querator/core';

/** What a caller asks of a list. */
export interface ListCall {
  /** The most elements; 0: {@link LIMITS.listPageDefault}. */
  readonly limit: number;
  /** The key of the first element, or of the next greater one. Blank: the first. */
  readonly pivot: string;
}

/** A page of a list. The last element is the pivot of the next page, which repeats it. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Whether more elements followed when the page was read. */
  readonly more: boolean;
}

/**
 * Reads a page.
 *
 * @param list reads up to `limit` elements from `pivot` on.
 * @throws QueueError `invalid` for a bad limit.
 */
export async function readPage<T>(
  call: ListCall,
  list: (request: { readonly pivot: string; readonly limit: number }) => Promise<readonly T[]>,
): Promise<Page<T>> {
  if (call.limit < 0) throw invalid('limit is invalid; limit cannot be negative');
  if (call.limit > LIMITS.listPage) {
    throw invalid(errorText`limit is invalid; cannot be greater than ${LIMITS.listPage}`);
  }
  const limit = call.limit || LIMITS.listPageDefault;
  const pivot = isBlank(call.pivot) ? '' : call.pivot;
  const found = await list({ pivot, limit: limit + 1 });
  return { items: found.slice(0, limit), more: found.length > limit };
}
