import {
  type Duration,
  DurationSyntaxError,
  formatDuration,
  invalid,
  LIMITS,
  LONGEST_REQUEST_TIMEOUT,
  type NewItem,
  parseDuration,
} from '@querator/core';
import { isBlank } from './name-rules.ts';

/** What timeouts were read as: clients send the same few again and again. */
const TIMEOUTS = new Map<string, Duration>();
const TIMEOUTS_KEPT = 100;

/**
 * Reads a request's timeout as it was sent; an absent one is zero, which the
 * range check refuses later (api.md puts other checks in between).
 *
 * @throws QueueError `invalid` when it is no duration.
 */
export function parseRequestTimeout(text: string): Duration {
  if (text === '') return 0n as Duration;
  const known = TIMEOUTS.get(text);
  if (known !== undefined) return known;
  try {
    const timeout = parseDuration(text);
    if (TIMEOUTS.size >= TIMEOUTS_KEPT) TIMEOUTS.clear();
    TIMEOUTS.set(text, timeout);
    return timeout;
  } catch (error) {
    if (!(error instanceof DurationSyntaxError)) throw error;
    throw invalid(`request timeout is invalid; ${error.message} - expected format: 900ms, 5m or 15m`);
  }
}

/**
 * Checks the range of a request's timeout.
 *
 * @param shortest the least allowed; absent: there is none, as for a complete,
 *   which does not wait.
 * @throws QueueError `invalid`.
 */
export function checkRequestTimeout(timeout: Duration, shortest?: Duration): void {
  if (timeout === 0n) {
    throw invalid("request timeout is required; '5m' is recommended, 15m is the maximum");
  }
  if (timeout > LONGEST_REQUEST_TIMEOUT) {
    throw invalid(
      `request timeout is invalid; maximum timeout is '15m' but '${formatDuration(timeout)}' was requested`,
    );
  }
  if (shortest !== undefined && timeout < shortest) {
    throw invalid(
      `request timeout is invalid; minimum timeout is '10ms' but '${formatDuration(timeout)}' was requested`,
    );
  }
}

/** @throws QueueError `invalid` when there are no items, or more than `most`. */
export function checkProducedItems(items: readonly NewItem[], most: number): void {
  if (items.length === 0) throw invalid('items cannot be empty; at least one item is required');
  if (items.length > most) {
    throw invalid(`items is invalid; max_produce_batch_size is ${most} but received ${items.length}`);
  }
  for (const { encoding, kind, reference } of items) {
    checkText('encoding', encoding);
    checkText('kind', kind);
    checkText('reference', reference);
  }
}

/** @throws QueueError `invalid`, naming the field, when the text holds U+0000, which PostgreSQL cannot store. */
export function checkText(field: string, text: string): void {
  if (text.includes('\0')) throw invalid(`${field} is invalid; cannot contain the character U+0000`);
}

/** @throws QueueError `invalid` when a consumer's own words are wrong. */
export function checkLease(clientId: string, batchSize: number, most: number): void {
  if (isBlank(clientId)) throw invalid('invalid client id; cannot be empty');
  checkText('client id', clientId);
  if (batchSize <= 0) throw invalid('invalid batch size; must be greater than zero');
  if (batchSize > most) {
    throw invalid(`invalid batch size; max_lease_batch_size is ${most}, but ${batchSize} was requested`);
  }
}

/**
 * Checks the ids of a complete or retry request; whether they name items is
 * for storage to say.
 *
 * @throws QueueError `invalid`.
 */
export function checkIds(
  ids: readonly string[],
  most: number,
  words: { readonly field: 'ids' | 'items'; readonly list: string },
): void {
  if (ids.length === 0) throw invalid(`${words.field} is invalid; ${words.list} cannot be empty`);
  if (ids.length > most) {
    throw invalid(`${words.field} is invalid; max_complete_batch_size is ${most} but received ${ids.length}`);
  }
  checkUniqueIds(ids);
}

/** @throws QueueError `invalid` when an id is there twice, or can be no text in storage. */
export function checkUniqueIds(ids: readonly string[]): void {
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) throw invalid(`invalid storage id; '${id}' is listed more than once`);
    checkText('id', id);
    seen.add(id);
  }
}

/**
 * The number of elements of a page; 0 asks for the default.
 *
 * @throws QueueError `invalid` when it is negative.
 */
export function pageLimit(limit: number): number {
  if (limit < 0) throw invalid('limit is invalid; limit cannot be negative');
  return limit === 0 ? LIMITS.listPageDefault : Math.min(limit, LIMITS.listPage);
}
