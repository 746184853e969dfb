import { type AuditPosition, type Instant, instantFromMicroseconds, invalid } from '@querator/core';

const CURSOR = /^(\d{1,19})\.([be])\.([0-9A-Za-z-]{1,100})$/;
/** Longer than any cursor. */
const MOST_CHARACTERS = 200;

/** A position as a text for callers, who need not understand it. */
export function cursorOf({ at, ended, callId }: AuditPosition): string {
  return Buffer.from(`${at}.${ended ? 'e' : 'b'}.${callId}`).toString('base64url');
}

/**
 * The position of a cursor. Undefined: the cursor is empty.
 *
 * @throws QueueError `invalid` for a text that is no cursor.
 */
export function positionOf(cursor: string): AuditPosition | undefined {
  if (cursor === '') return undefined;
  const text = cursor.length > MOST_CHARACTERS ? '' : Buffer.from(cursor, 'base64url').toString('latin1');
  const match = CURSOR.exec(text);
  if (match === null) throw invalid('cursor is invalid; expected the cursor of a reply');
  const [, at = '', stage, callId = ''] = match;
  return { at: instantOf(at), ended: stage === 'e', callId };
}

function instantOf(digits: string): Instant {
  return instantFromMicroseconds(BigInt(digits));
}
