import {
  checkMetadata,
  checkText,
  errorText,
  invalid,
  isBlank,
  isLongerThan,
  LIMITS,
  type NewItem,
} from '@querator/core';

/**
 * @param received how many items there were, if `items` are only the first of them.
 * @throws QueueError `invalid` when there are no items, or more than `most`.
 */
export function checkProducedItems(
  items: readonly NewItem[],
  most: number,
  received: number = items.length,
): void {
  if (items.length === 0) throw invalid('items cannot be empty; at least one item is required');
  if (received > most) {
    throw invalid(
      errorText`items is invalid; max_produce_batch_size is ${most} but received ${received}`,
      'too_large',
    );
  }
  for (const { encoding, kind, reference, metadata } of items) {
    checkText('encoding', encoding);
    checkText('kind', kind);
    checkText('reference', reference);
    if (metadata !== undefined) checkMetadata(metadata);
  }
}

/** @throws QueueError `invalid` for a wrong client id or batch size. */
export function checkLease(clientId: string, batchSize: number, most: number): void {
  if (isLongerThan(clientId, LIMITS.clientId)) {
    throw invalid(
      errorText`invalid client id; cannot be greater than '${LIMITS.clientId}' characters`,
      'too_large',
    );
  }
  if (isBlank(clientId)) throw invalid('invalid client id; cannot be empty');
  checkText('client id', clientId);
  if (batchSize <= 0) throw invalid('invalid batch size; must be greater than zero');
  if (batchSize > most) {
    throw invalid(
      errorText`invalid batch size; max_lease_batch_size is ${most}, but ${batchSize} was requested`,
      'too_large',
    );
  }
}

/**
 * Checks the ids of a complete or retry request. Storage checks whether they
 * name items.
 *
 * @param received how many ids there were, if `ids` are only the first of them.
 * @throws QueueError `invalid`.
 */
export function checkIds(
  ids: readonly string[],
  most: number,
  words: { readonly field: 'ids' | 'items'; readonly list: string },
  received: number = ids.length,
): void {
  if (ids.length === 0) throw invalid(errorText`${words.field} is invalid; ${words.list} cannot be empty`);
  if (received > most) {
    throw invalid(
      errorText`${words.field} is invalid; max_complete_batch_size is ${most} but received ${received}`,
      'too_large',
    );
  }
  checkUniqueIds(ids);
}

/** @throws QueueError `invalid` when an id is listed twice, or holds U+0000. */
export function checkUniqueIds(ids: readonly string[]): void {
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) throw invalid(errorText`invalid storage id; '${id}' is listed more than once`);
    checkText('id', id);
    seen.add(id);
  }
}

/**
 * The number of elements of a page; 0 means the default.
 *
 * @throws QueueError `invalid` when it is negative.
 */
export function pageLimit(limit: number): number {
  if (limit < 0) throw invalid('limit is invalid; limit cannot be negative');
  return limit === 0 ? LIMITS.listPageDefault : Math.min(limit, LIMITS.listPage);
}
