import { QueueError } from '@querator/core';

/**
 * Checks the form of the `Authorization` header. The form counts even while
 * access control is off; the key is ignored then.
 *
 * @throws QueueError `unauthenticated`.
 */
export function checkAuthorization(header: string | undefined): undefined {
  if (header === undefined || header === '') return;
  if (!/^Bearer ./.test(header)) {
    throw new QueueError('unauthenticated', 'invalid authorization header format');
  }
}
