import { invalid } from '../errors/queue-error.ts';
import { LIMITS } from '../limits.ts';
import { errorText } from '../text/error-text.ts';
import { byteLength, hasWhitespace, isBlank } from '../text/text-rules.ts';

/**
 * Checks the name of a namespace.
 *
 * @throws QueueError `invalid`.
 */
export function checkNamespaceName(name: string): void {
  if (byteLength(name) > LIMITS.namespaceName) {
    throw invalid(
      errorText`namespace name is invalid; cannot be greater than '${LIMITS.namespaceName}' characters`,
      'too_large',
    );
  }
  if (isBlank(name)) throw invalid('namespace name is invalid; cannot be empty');
  if (hasWhitespace(name))
    throw invalid(errorText`namespace name is invalid; '${name}' cannot contain whitespace`);
  if (name.includes('~'))
    throw invalid(errorText`namespace name is invalid; '${name}' cannot contain '~' character`);
  if (name.includes(':'))
    throw invalid(errorText`namespace name is invalid; '${name}' cannot contain ':' character`);
  if (name.includes('\0')) throw invalid('namespace name is invalid; cannot contain the character U+0000');
}
