import { errorText, invalid, type QueueError } from '@querator/core';
import type { FieldTable } from './field-table.ts';

/**
 * The most list elements of a message, all lists together, if a decoder gets no
 * limit, and the most entries of all its maps. An element of 2 bytes on the wire takes 300 to 400 bytes
 * in memory: without a limit, 5 MB of empty items took 800 MB.
 */
export const ELEMENT_LIMIT = 250_000;

/** Elements of a long list that are written between two pauses: 1 to 3 ms, if they are items. */
export const ELEMENTS_AT_ONCE = 1_000;

/** The error for a message with more elements. */
export function tooManyElements(field: FieldTable): QueueError {
  return invalid(
    errorText`${field.jsonName} is invalid; cannot have more than ${ELEMENT_LIMIT} elements`,
    'too_large',
  );
}

/** How many list elements a request had, for a call that refuses too many of them. */
export interface ElementReport {
  /** The number of all elements, set if a decoder made only some of them. */
  elementsReceived: number | undefined;
}

/**
 * How a decoder treats the elements of lists. Undefined: more than `ELEMENT_LIMIT` are
 * an error. More entries of maps are always an error.
 */
export interface ElementRule {
  /** The most elements to make, all lists together. Further ones are counted and skipped, and not checked. */
  readonly limit: number;
  readonly report: ElementReport;
}

/** Counts the elements of a message before they are made. */
export class ElementCounter {
  readonly #rule: ElementRule | undefined;
  readonly #limit: number;
  #count = 0;
  #entries = 0;

  constructor(rule: ElementRule | undefined) {
    this.#rule = rule;
    this.#limit = rule?.limit ?? ELEMENT_LIMIT;
  }

  /**
   * Counts one more element of a list.
   *
   * @returns whether to make it; if not, it is to be skipped.
   * @throws QueueError `invalid` if there are too many, and no rule says to count them.
   */
  admits(field: FieldTable): boolean {
    if (++this.#count <= this.#limit) return true;
    if (this.#rule === undefined) throw tooManyElements(field);
    this.#rule.report.elementsReceived = this.#count;
    return false;
  }

  /** Counts one more entry of a map. @throws QueueError `invalid` if there are too many. */
  countEntry(field: FieldTable): void {
    if (++this.#entries > ELEMENT_LIMIT) throw tooManyElements(field);
  }
}
