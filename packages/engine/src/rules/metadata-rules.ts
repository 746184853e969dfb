import {
  byteLength,
  errorText,
  invalid,
  isLongerThan,
  LIMITS,
  type Metadata,
  type QueueError,
  type RetriedItem,
} from '@querator/core';
import { checkText } from './text-rules.ts';

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

/** @throws QueueError `invalid` when the error of an item is too long. */
export function checkErrors(items: readonly RetriedItem[]): void {
  for (const { error } of items) {
    if (error === undefined) continue;
    if (isLongerThan(error, LIMITS.itemError)) {
      throw invalid(
        errorText`error is invalid; cannot be greater than '${LIMITS.itemError}' characters`,
        'too_large',
      );
    }
    checkText('error', error);
  }
}

function tooMuchMetadata(): QueueError {
  const text = errorText`metadata is invalid; keys and values together cannot be greater than '${LIMITS.metadata}' characters`;
  return invalid(text, 'too_large');
}
