import { type CheckedCall, textOf, withoutNul } from './check.ts';
import { QUEUE_PAUSED } from './common-checks.ts';
import { METADATA_STEPS, needsMetadata, needsNewServers } from './metadata.ts';
import { PRODUCE_STEPS } from './queue-calls.ts';

/** The checks of the texts of dedup keys. @param item is valid in a request of the call. */
export const dedupKeys = (item: object): CheckedCall['steps'] => [
  {
    when: 'the request and an item have a `dedup_key`',
    text: 'dedup_key is invalid; the request may have one or its items, but not both',
    broken: { dedup_key: 'a', items: [{ ...item, dedup_key: 'b' }] },
  },
  {
    when: 'a `dedup_key` has more than 256 bytes',
    text: "dedup_key is invalid; cannot be greater than '256' characters",
    reason: 'too_large',
    broken: { dedup_key: textOf(257) },
  },
  withoutNul('dedup_key', { dedup_key: 'a\0' }),
  {
    when: '`dedup_window` has more than 15 bytes',
    text: "dedup_window is invalid; cannot be greater than '15' characters",
    reason: 'too_large',
    broken: { dedup_key: 'a', dedup_window: textOf(16) },
  },
  {
    when: '`dedup_window` is not a [duration](http-api.md#durations)',
    text: 'dedup_window is invalid; <what is wrong> - expected format: 5m, 24h or 336h',
    broken: { dedup_key: 'a', dedup_window: '1d' },
  },
  {
    when: '`dedup_window` is shorter than 1s or longer than 336h',
    text: "dedup_window is invalid; expected '1s' to '336h' but '<duration>' was requested",
    broken: { dedup_key: 'a', dedup_window: '337h' },
  },
  {
    when: '`dedup_window` is given, and no `dedup_key`',
    text: 'dedup_window is invalid; neither the request nor an item has a dedup_key',
    broken: { dedup_window: '5m' },
  },
];

/** There are dedup keys, and nowhere to keep them. */
export const DEDUP_MISSING: CheckedCall['steps'][number] = {
  when: 'there is a `dedup_key`, and a storage of the queue does not support them',
  text: "dedup_key is invalid; storage '<name>' does not support dedup keys",
};

/** The queue may hold no more dedup keys. @param what the condition on the request. */
export function tooManyKeys(what: string): CheckedCall['steps'][number] {
  return {
    when: `the queue holds as many dedup keys as it may, ${what}`,
    text: 'queue holds too many dedup keys; 10000000 is the most, try again later',
    reason: 'over_limit',
    code: 'retry',
  };
}

/** What storage may find out of dedup keys. */
const HELD_KEYS: CheckedCall['steps'] = [
  {
    when: 'the `dedup_key` of the request was stored with fewer items than it has now',
    text: 'dedup_key is invalid; it was stored with <number> items, and this request has <number>',
  },
  tooManyKeys('and the key is new'),
];

const paused = PRODUCE_STEPS.indexOf(QUEUE_PAUSED);

/** The checks of a produce that may have dedup keys. */
export const KEYED_PRODUCE_STEPS: CheckedCall['steps'] = [
  ...PRODUCE_STEPS.slice(0, paused),
  ...METADATA_STEPS,
  ...dedupKeys({ utf8: 'a' }),
  DEDUP_MISSING,
  needsNewServers('an item has `metadata`'),
  needsMetadata('an item has `metadata`'),
  ...PRODUCE_STEPS.slice(paused),
  ...HELD_KEYS,
];
