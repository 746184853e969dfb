import { invalid } from '../errors/queue-error.ts';
import { LIMITS } from '../limits.ts';
import { byteLength, hasWhitespace, isBlank } from '../text/text-rules.ts';

/**
 * Checks the name of a namespace.
 *
 * @throws QueueError `invalid`.
 */
export function checkNamespaceName(name: string): void {
  const fault = (text: string) => invalid(`namespace name is invalid; ${text}`);
  if (byteLength(name) > LIMITS.namespaceName) {
    throw fault(`cannot be greater than '${LIMITS.namespaceName}' characters`);
  }
  if (isBlank(name)) throw fault('cannot be empty');
  if (hasWhitespace(name)) throw fault(`'${name}' cannot contain whitespace`);
  if (name.includes('~')) throw fault(`'${name}' cannot contain '~' character`);
  if (name.includes(':')) throw fault(`'${name}' cannot contain ':' character`);
  if (name.includes('\0')) throw fault('cannot contain the character U+0000');
}
