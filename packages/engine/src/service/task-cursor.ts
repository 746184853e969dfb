import { instantFromMicroseconds, invalid, type TaskPosition } from '@querator/core';

const CURSOR = /^(\d{1,19})\.([0-9A-Za-z]{1,64})$/;
/** Longer than any cursor. */
const MOST_CHARACTERS = 200;

/** A position as a text for callers, who need not understand it. */
export function cursorOf({ createdAt, id }: TaskPosition): string {
  return Buffer.from(`${createdAt}.${id}`).toString('base64url');
}

/**
 * The position of a cursor. Undefined: the cursor is empty.
 *
 * @throws QueueError `invalid` for a text that is no cursor.
 */
export function positionOf(cursor: string): TaskPosition | undefined {
  if (cursor === '') return undefined;
  const text = cursor.length > MOST_CHARACTERS ? '' : Buffer.from(cursor, 'base64url').toString('latin1');
  const match = CURSOR.exec(text);
  if (match === null) throw invalid('cursor is invalid; expected the cursor of a reply');
  const [, at = '', id = ''] = match;
  return { createdAt: instantFromMicroseconds(BigInt(at)), id };
}
