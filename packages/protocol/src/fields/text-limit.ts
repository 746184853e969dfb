import { errorText, invalid, type QueueError } from '@querator/core';
import type { FieldTable } from './field-table.ts';

/**
 * The most bytes of one text, such as the `reference` of an item. A longer one
 * would take more than 50 ms to decode, while no other request is served.
 * Payloads have no such limit.
 */
export const TEXT_LIMIT = 16_000_000;

/** The error for a longer text. */
export function textTooLong(field: FieldTable): QueueError {
  return invalid(
    errorText`${field.jsonName} is invalid; cannot be greater than '${TEXT_LIMIT}' characters`,
    'too_large',
  );
}
