import { MESSAGES } from '@querator/core';
import { type Check, type CheckedCall, textOf } from './check.ts';
import { LEASE_STEPS } from './queue-calls.ts';

/** The checks of a request's lease timeout. */
export const LEASE_TIMEOUT_TEXT: readonly Check[] = [
  {
    when: '`lease_timeout` has more than 15 bytes',
    text: "lease timeout is invalid; cannot be greater than '15' characters",
    reason: 'too_large',
    broken: { lease_timeout: textOf(16) },
  },
  {
    when: '`lease_timeout` is not a [duration](http-api.md#durations)',
    text: 'lease timeout is invalid; <what is wrong> - expected format: 8m, 15m or 1h',
    broken: { lease_timeout: '1d' },
  },
];

export const LEASE_TIMEOUT_NEGATIVE: Check = {
  when: '`lease_timeout` is negative',
  text: 'lease timeout is invalid; cannot be negative',
  broken: { lease_timeout: '-1s' },
};

export const LEASE_TIMEOUT_LONG: Check = {
  when: "`lease_timeout` is longer than the queue's `expire_timeout`",
  text: 'lease timeout is too long; <timeout> cannot be greater than the expire timeout <timeout>',
  broken: { lease_timeout: '25h' },
};

const OPTIONS: CheckedCall['steps'] = [
  ...LEASE_TIMEOUT_TEXT,
  {
    when: '`lease_timeout` is 0',
    text: 'lease timeout is invalid; cannot be empty',
    broken: { lease_timeout: '0s' },
  },
  LEASE_TIMEOUT_NEGATIVE,
  LEASE_TIMEOUT_LONG,
  {
    when: '`min_items` is negative, or greater than `batch_size`',
    text: 'min_items is invalid; expected 0 to the batch size <number>, but <number> was requested',
    broken: { min_items: -1 },
  },
  {
    when: '`max_wait` is given, and `min_items` is 0 or 1',
    text: 'max_wait is invalid; min_items must be greater than 1',
    broken: { min_items: 0, max_wait: '1s' },
  },
];

/** What a batch must allow for a `max_wait` to be read. */
const GATHERED = { batch_size: 5, min_items: 2 };

const MAX_WAIT: CheckedCall['steps'] = [
  {
    when: '`max_wait` has more than 15 bytes',
    text: "max_wait is invalid; cannot be greater than '15' characters",
    reason: 'too_large',
    broken: { ...GATHERED, max_wait: textOf(16) },
  },
  {
    when: '`max_wait` is not a [duration](http-api.md#durations)',
    text: 'max_wait is invalid; <what is wrong> - expected format: 100ms, 1s or 1m',
    broken: { ...GATHERED, max_wait: '1d' },
  },
  {
    when: '`max_wait` is 0 or negative',
    text: 'max_wait is invalid; must be greater than 0',
    broken: { ...GATHERED, max_wait: '-1s' },
  },
];

const duplicate = LEASE_STEPS.findIndex((step) => 'text' in step && step.text === MESSAGES.duplicateClientId);

/** The checks of a lease under `/v2/`. */
export const LEASE_STEPS_V2: CheckedCall['steps'] = [
  ...LEASE_STEPS.slice(0, duplicate),
  ...OPTIONS,
  ...MAX_WAIT,
  ...LEASE_STEPS.slice(duplicate),
];
