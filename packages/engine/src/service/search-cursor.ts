import { ITEM_ID_LENGTH, ITEM_ID_RANDOM_LENGTH, invalid } from '@querator/core';
import type { SearchPosition } from '../queue/item-search.ts';

/** The part of an id that orders it. No two ids of a partition share it. */
const ORDERED = ITEM_ID_LENGTH - ITEM_ID_RANDOM_LENGTH;
/** Greater than every random end of an id. */
const AFTER = '~';

const CURSOR = /^(\d{1,5})\.([0-9a-zA-Z]{17})?$/;
/** Longer than any cursor. */
const MOST_CHARACTERS = 100;

/**
 * A position as a text for callers. It does not contain the random end of an id, which
 * would prove the lease of the item. It belongs to no filter: a caller may go on with
 * another one.
 */
export function cursorOf({ partition, after = '' }: SearchPosition): string {
  return Buffer.from(`${partition}.${after.slice(0, ORDERED)}`).toString('base64url');
}

/**
 * The position of a cursor. An empty one is the beginning.
 *
 * @throws QueueError `invalid` for a text that is no cursor.
 */
export function positionOf(cursor: string): SearchPosition {
  if (cursor === '') return { partition: 0, after: undefined };
  const text = cursor.length > MOST_CHARACTERS ? '' : Buffer.from(cursor, 'base64url').toString('latin1');
  const match = CURSOR.exec(text);
  if (match === null) throw invalid('cursor is invalid; expected the cursor of a reply');
  const [, partition, ordered] = match;
  return { partition: Number(partition), after: ordered === undefined ? undefined : `${ordered}${AFTER}` };
}
