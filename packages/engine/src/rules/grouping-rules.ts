import { errorText, type FoundItem, invalid, knownError, knownReason, verbatim } from '@querator/core';

/** The text by which an item is counted. Undefined: it has none. */
export type Grouping = (item: FoundItem) => string | undefined;

const GROUPINGS: ReadonlyMap<string, Grouping> = new Map<string, Grouping>([
  ['reason', knownReason],
  ['error', knownError],
  ['kind', ({ kind }) => kind],
  ['state', ({ state }) => state],
  ['source_queue', ({ details }) => details.source?.queue],
]);

/** What comes before a key of the metadata. */
const METADATA = 'metadata.';

/**
 * How items are grouped: by one of the texts that every item may have, or with `metadata.<key>` by the value of that key.
 *
 * @throws QueueError `invalid` for another word.
 */
export function groupingOf(given: string): Grouping {
  const known = GROUPINGS.get(given);
  if (known !== undefined) return known;
  const key = given.startsWith(METADATA) ? given.slice(METADATA.length) : '';
  if (key !== '') return ({ details }) => details.metadata.get(key);
  const words = [...GROUPINGS.keys(), `${METADATA}<key>`].join("', '");
  throw invalid(errorText`by is invalid; '${given}' is none of '${verbatim(words)}'`);
}
