import {
  checkText,
  DEFAULT_DEDUP_WINDOW,
  type Duration,
  errorText,
  formatDuration,
  invalid,
  isLongerThan,
  LIMITS,
  LONGEST_DEDUP_WINDOW,
  SHORTEST_DEDUP_WINDOW,
} from '@querator/core';
import { parseTimeout } from './queue-setting-rules.ts';

/** The dedup keys of a produce request. Empty texts: no key. */
export interface DedupKeys {
  /** One key for all items. */
  readonly dedupKey: string;
  /** A key for each item. */
  readonly itemKeys: readonly string[];
  /** How long the keys last from now, in Go's syntax: 1s to 336h. Empty: 5m. */
  readonly dedupWindow: string;
}

/** @throws QueueError `invalid` for a key that is too long, keys on both, and a window without a key. */
export function checkDedupKeys({ dedupKey, itemKeys, dedupWindow }: DedupKeys): void {
  const onItems = itemKeys.some((key) => key !== '');
  if (dedupKey !== '' && onItems) {
    throw invalid('dedup_key is invalid; the request may have one or its items, but not both');
  }
  for (const key of [dedupKey, ...itemKeys]) {
    if (isLongerThan(key, LIMITS.dedupKey)) {
      throw invalid(
        errorText`dedup_key is invalid; cannot be greater than '${LIMITS.dedupKey}' characters`,
        'too_large',
      );
    }
    checkText('dedup_key', key);
  }
  parseDedupWindow(dedupWindow);
  if (dedupWindow !== '' && dedupKey === '' && !onItems) {
    throw invalid('dedup_window is invalid; neither the request nor an item has a dedup_key');
  }
}

/**
 * Checks the dedup keys of an import, whose items have one each or none.
 *
 * @returns whether it has keys.
 * @throws QueueError `invalid`, as {@link checkDedupKeys}.
 */
export function checkImportKeys(keys: DedupKeys): boolean {
  checkDedupKeys(keys);
  if (keys.dedupKey !== '') return true;
  const without = keys.itemKeys.indexOf('');
  if (without < 0) return true;
  if (keys.itemKeys.every((key) => key === '')) return false;
  throw invalid(
    errorText`dedup_key is required; item '${without}' has none, and the others of the import have one`,
  );
}

/**
 * Parses a dedup window. Empty: the default.
 *
 * @throws QueueError `invalid`.
 */
export function parseDedupWindow(text: string): Duration {
  if (text === '') return DEFAULT_DEDUP_WINDOW;
  const window = parseTimeout('dedup_window', text, '5m, 24h or 336h');
  if (window < SHORTEST_DEDUP_WINDOW || window > LONGEST_DEDUP_WINDOW) {
    throw invalid(
      errorText`dedup_window is invalid; expected '1s' to '336h' but '${formatDuration(window)}' was requested`,
    );
  }
  return window;
}
