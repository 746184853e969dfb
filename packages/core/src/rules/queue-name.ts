import { invalid } from '../errors/queue-error.ts';
import { LIMITS } from '../limits.ts';
import { errorText } from '../text/error-text.ts';
import { byteLength, hasWhitespace, isBlank } from '../text/text-rules.ts';

/** The checks that both rules for queue names share. */
function checkCharacters(name: string): void {
  if (name.includes('~'))
    throw invalid(errorText`queue name is invalid; '${name}' cannot contain '~' character`);
  if (name.includes('\0')) throw invalid('queue name is invalid; cannot contain the character U+0000');
}

/**
 * Checks a name that is only looked up. An invalid name that passes names no queue.
 *
 * @throws QueueError `invalid`.
 */
export function checkQueueKnown(name: string): void {
  if (isBlank(name)) throw invalid('queue name is invalid; queue name cannot be empty');
  checkCharacters(name);
}

/**
 * Checks the name of a queue to be created, updated or deleted.
 *
 * @throws QueueError `invalid`.
 */
export function checkQueueName(name: string): void {
  if (byteLength(name) > LIMITS.queueName) {
    throw invalid(
      errorText`queue name is invalid; cannot be greater than '${LIMITS.queueName}' characters`,
      'too_large',
    );
  }
  if (isBlank(name)) throw invalid('queue name is invalid; queue name cannot be empty');
  if (hasWhitespace(name))
    throw invalid(errorText`queue name is invalid; '${name}' cannot contain whitespace`);
  checkCharacters(name);
}
