import { invalid, type QueueError } from '../errors/queue-error.ts';
import type { Metadata } from '../item/item-details.ts';
import { LIMITS } from '../limits.ts';
import { errorText } from '../text/error-text.ts';
import { byteLength, isLongerThan } from '../text/text-rules.ts';

/** @throws QueueError `invalid`, naming the field, when the text holds U+0000, which PostgreSQL cannot store. */
export function checkText(field: string, text: string): void {
  if (text.includes('\0')) throw invalid(errorText`${field} is invalid; cannot contain the character U+0000`);
}

/** @throws QueueError `invalid` when a key is empty or too long, or when the pairs are too long together. */
export function checkMetadata(metadata: Metadata): void {
  let bytes = 0;
  for (const [key, value] of metadata) {
    if (key === '') throw invalid('metadata is invalid; a key cannot be empty');
    if (isLongerThan(key, LIMITS.metadataKey)) {
      throw invalid(
        errorText`metadata is invalid; key '${key}' cannot be greater than '${LIMITS.metadataKey}' characters`,
        'too_large',
      );
    }
    if (value.length > LIMITS.metadata) throw tooMuchMetadata();
    bytes += byteLength(key) + byteLength(value);
    if (bytes > LIMITS.metadata) throw tooMuchMetadata();
    checkText('metadata', key);
    checkText('metadata', value);
  }
}

function tooMuchMetadata(): QueueError {
  const text = errorText`metadata is invalid; keys and values together cannot be greater than '${LIMITS.metadata}' characters`;
  return invalid(text, 'too_large');
}
