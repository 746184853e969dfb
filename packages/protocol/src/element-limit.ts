import { invalid, type QueueError } from '@querator/core';
import type { FieldTable } from './field-table.ts';

/**
 * Elements of lists that one message may have, all lists together. An element
 * of two bytes takes 300 to 400 in memory: without a limit, 5 MB of empty items
 * took 800 MB, and an import of 64 MB more than the process may have. Large
 * enough for every list that the API allows, and for an import of 64 MB whose
 * items have 256 bytes on average.
 */
export const ELEMENT_LIMIT = 250_000;

/** A message with more elements is refused with this. */
export function tooManyElements(field: FieldTable): QueueError {
  return invalid(`${field.jsonName} is invalid; cannot have more than ${ELEMENT_LIMIT} elements`);
}
