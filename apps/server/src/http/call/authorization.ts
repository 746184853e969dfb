import { QueueError } from '@querator/core';

/**
 * Checks the form of the header, which is refused even while access control
 * is off (wire.md, section 9); the key itself is ignored then.
 *
 * @throws QueueError `unauthenticated`.
 */
export function checkAuthorization(header: string | undefined): void {
  if (header === undefined || header === '') return;
  if (!/^Bearer ./.test(header)) {
    throw new QueueError('unauthenticated', 'invalid authorization header format');
  }
}
