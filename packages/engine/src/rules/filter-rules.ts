import {
  checkMetadata,
  checkText,
  DEATH_REASONS,
  errorText,
  type InstantRange,
  ITEM_STATES,
  type ItemFilter,
  invalid,
  isLongerThan,
  LIMITS,
} from '@querator/core';

/** A filter as a caller gives it: the state and the reason are any texts. */
export interface GivenFilter extends Omit<ItemFilter, 'state' | 'reason'> {
  readonly state?: string | undefined;
  readonly reason?: string | undefined;
}

/** Conditions with a text that items have. */
const TEXTS = ['firstId', 'sourceId', 'reference', 'kind', 'encoding', 'sourceQueue'] as const;
const FIELDS: Readonly<Record<(typeof TEXTS)[number], string>> = {
  firstId: 'first_id',
  sourceId: 'source_id',
  reference: 'reference',
  kind: 'kind',
  encoding: 'encoding',
  sourceQueue: 'source_queue',
};

/** @throws QueueError `invalid` for the first condition that no item could be compared with. */
export function checkFilter(filter: GivenFilter): ItemFilter {
  const { ids, error, metadata, created, due } = filter;
  const state = oneOf('filter.state', ITEM_STATES, filter.state);
  if (ids !== undefined && ids.length > LIMITS.findIds) {
    throw invalid(
      errorText`filter.ids is invalid; cannot have more than '${LIMITS.findIds}' ids`,
      'too_large',
    );
  }
  for (const id of ids ?? []) checkText('filter.ids', id);
  for (const text of TEXTS) checkText(`filter.${FIELDS[text]}`, filter[text] ?? '');
  if (metadata !== undefined) checkMetadata(metadata);
  if (error !== undefined) checkFilterError(error);
  const reason = oneOf('filter.reason', DEATH_REASONS, filter.reason);
  checkRange('filter.created', created);
  checkRange('filter.due', due);
  return { ...filter, state, reason };
}

function oneOf<Word extends string>(
  field: string,
  words: readonly Word[],
  given: string | undefined,
): Word | undefined {
  if (given === undefined) return undefined;
  const word = words.find((each) => each === given);
  if (word !== undefined) return word;
  throw invalid(errorText`${field} is invalid; '${given}' is none of '${words.join("', '")}'`);
}

function checkFilterError(error: string): void {
  if (isLongerThan(error, LIMITS.itemError)) {
    throw invalid(
      errorText`filter.error is invalid; cannot be greater than '${LIMITS.itemError}' characters`,
      'too_large',
    );
  }
  checkText('filter.error', error);
}

function checkRange(field: string, { from, to }: InstantRange = {}): void {
  if (from !== undefined && to !== undefined && from > to) {
    throw invalid(errorText`${field} is invalid; 'from' cannot be after 'to'`);
  }
}
