import { invalid } from '@querator/core';

/** By what a list of queues is sorted. */
export const QUEUE_SORTS = ['name', 'waiting', 'head_age', 'dead'] as const;
export type QueueSort = (typeof QUEUE_SORTS)[number];

/** The order of a list. */
export interface QueueOrder {
  readonly sort: QueueSort;
  readonly descending: boolean;
}

/** A place in a list: what comes after it is in the next page, whatever came or went before it. */
export interface ListPosition {
  readonly name: string;
  /** By what it is sorted. Undefined: it was not counted, or the name alone counts. */
  readonly value: number | undefined;
}

/** A position in a list that a caller goes on with. */
export interface GivenPosition extends ListPosition {
  /** Whether the list is in the order of names, because nothing was counted when it began. */
  readonly isByName: boolean;
}

/** Stands for the value where `isByName`. */
const BY_NAME = 'by name';

/** Longer than any cursor. */
const MOST_CHARACTERS = 2_000;

/** A position as a text for callers, who need not understand it. */
export function listCursorOf(
  { sort, descending }: QueueOrder,
  {
    name,
    value = null,
    isByName,
  }: Omit<GivenPosition, 'value'> & { readonly value?: number | null | undefined },
): string {
  const elements = [sort, descending, isByName ? BY_NAME : value, name];
  return Buffer.from(JSON.stringify(elements)).toString('base64url');
}

/**
 * The position of a cursor. Undefined: the cursor is empty.
 *
 * @throws QueueError `invalid` for a text that is no cursor of a list in this order.
 */
export function listPositionOf(cursor: string, { sort, descending }: QueueOrder): GivenPosition | undefined {
  if (cursor === '') return undefined;
  const [sorted, direction, value, name] = elementsOf(cursor);
  const isByName = value === BY_NAME;
  const isValue = value === null || typeof value === 'number' || isByName;
  if (sorted !== sort || direction !== descending || !isValue || typeof name !== 'string') {
    throw invalid('cursor is invalid; expected the cursor of a reply in the same order');
  }
  return { name, value: typeof value === 'number' ? value : undefined, isByName };
}

function elementsOf(cursor: string): readonly unknown[] {
  if (cursor.length > MOST_CHARACTERS) return [];
  try {
    const elements: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(elements) ? elements : [];
  } catch {
    return [];
  }
}
