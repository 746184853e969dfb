import type { ItemsFilter } from '../../api/item.ts';
import type { ItemRow } from './found-items.ts';
import { metadataText } from './item-filter.ts';

/** What comes before a key of the metadata, in the address and in the API. */
const METADATA = 'metadata.';

/** Metadata with many keys, such as those of traces, would hide the other groupings. */
const MOST_KEYS = 6;

const TITLES: Readonly<Record<string, string>> = {
  reason: 'Why they died',
  error: 'Error',
  kind: 'Kind',
  state: 'State',
  source_queue: 'Came from',
};

/** A grouping of the address, or what else is given. @param groupings those that the screen offers. */
export function groupingOf<Else>(
  given: string | undefined,
  groupings: readonly string[],
  otherwise: Else,
): string | Else {
  const isKnown = given !== undefined && (groupings.includes(given) || keyOf(given) !== undefined);
  return isKnown ? given : otherwise;
}

/** The groupings by the metadata of some items, and the one that is shown. */
export function metadataGroupings(rows: readonly ItemRow[], by: string | undefined): readonly string[] {
  const keys = new Set(rows.flatMap(({ metadata = {} }) => Object.keys(metadata)));
  const shown = [...keys]
    .sort()
    .slice(0, MOST_KEYS)
    .map((key) => METADATA + key);
  return by === undefined || keyOf(by) === undefined || shown.includes(by) ? shown : [...shown, by];
}

/** The key of a grouping by metadata. Undefined: it is another one. */
function keyOf(by: string): string | undefined {
  return by.startsWith(METADATA) && by.length > METADATA.length ? by.slice(METADATA.length) : undefined;
}

/** A grouping as a heading. */
export const titleOf = (by: string): string => TITLES[by] ?? keyOf(by) ?? by;

/** A grouping as a part of a sentence, after `by`. */
export const wordOf = (by: string): string => keyOf(by) ?? by.replace('_', ' ');

/**
 * The parameters of the address by which only the items of a group are shown. Undefined: no condition finds those
 * without a value.
 */
export function conditionOf(
  by: string,
  value: string,
  filter: ItemsFilter,
): Readonly<Record<string, string | undefined>> | undefined {
  const firstPage = { cursor: undefined, read: undefined };
  if (by === 'error' && value === '') return { ...firstPage, error: undefined, without_error: 'yes' };
  if (value === '') return undefined;
  if (by === 'error') return { ...firstPage, error: value, without_error: undefined };
  const key = keyOf(by);
  if (key === undefined) return { ...firstPage, [by]: value };
  return { ...firstPage, metadata: metadataText({ ...filter.metadata, [key]: value }) };
}
