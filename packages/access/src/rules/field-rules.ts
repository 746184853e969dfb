import { byteLength, errorText, invalid } from '@querator/core';
import { isTag, LONGEST_TAG } from '../keys/api-key-text.ts';

/** The limits of texts, in bytes. */
export const FIELD_LIMITS = { name: 128, contact: 256 } as const;

/**
 * Checks a text of a request.
 *
 * @param field the field's name, as in the request.
 * @throws QueueError `invalid` if it is longer than `longest` bytes, or contains U+0000.
 */
export function checkText(field: string, text: string, longest: number): void {
  if (byteLength(text) > longest) {
    throw invalid(
      errorText`${field} is invalid; cannot be greater than '${longest}' characters`,
      'too_large',
    );
  }
  if (text.includes('\0')) throw invalid(errorText`${field} is invalid; cannot contain the character U+0000`);
}

/** @throws QueueError `invalid` for an empty text. */
export function checkGiven(field: string, text: string): void {
  if (text === '') throw invalid(errorText`${field} is invalid; cannot be empty`);
}

/** @throws QueueError `invalid` for a text with `:`, which separates the parts of a key in error texts. */
export function checkNoColon(field: string, text: string): void {
  if (text.includes(':'))
    throw invalid(errorText`${field} is invalid; '${text}' cannot contain ':' character`);
}

/**
 * Checks the tag of API keys. Empty is allowed.
 *
 * @throws QueueError `invalid`.
 */
export function checkTag(field: string, tag: string): void {
  if (byteLength(tag) > LONGEST_TAG) {
    throw invalid(
      errorText`${field} is invalid; cannot be greater than ${LONGEST_TAG} characters`,
      'too_large',
    );
  }
  if (!isTag(tag)) throw invalid(errorText`${field} is invalid; must be lowercase alphanumeric only`);
}
