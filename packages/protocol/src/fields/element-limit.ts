import { errorText, invalid, type QueueError } from '@querator/core';
import type { FieldTable } from './field-table.ts';

/**
 * The most list elements of a message, all lists together. An element of 2 bytes
 * on the wire takes 300 to 400 bytes in memory: without a limit, 5 MB of empty
 * items took 800 MB. The limit allows every list of the API. It also allows an
 * import of 64 MB with items of 256 bytes on average.
 */
export const ELEMENT_LIMIT = 250_000;

/** The error for a message with more elements. */
export function tooManyElements(field: FieldTable): QueueError {
  return invalid(errorText`${field.jsonName} is invalid; cannot have more than ${ELEMENT_LIMIT} elements`);
}
