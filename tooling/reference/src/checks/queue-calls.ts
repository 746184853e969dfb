import { MESSAGES } from '@querator/core';
import { type CheckedCall, QUEUES, times, UNKNOWN_ID, withoutNul } from './check.ts';
import {
  distinctIds,
  LOOKUP,
  leasedIds,
  ON_MAIN,
  OVERLOADED,
  PARTITION,
  QUEUE_PAUSED,
  QUEUE_SHUTDOWN,
  STORAGE_FAILED,
  TIMEOUT_LONG,
  TIMEOUT_REQUIRED,
  TIMEOUT_SHORT,
  TIMEOUT_SYNTAX,
  TIMEOUT_TEXT,
  tooManyIds,
} from './common-checks.ts';

const ITEM = { utf8: 'a' };
const withIds = (...ids: string[]) => ({ ids });
const withItems = (...ids: string[]) => ({ items: ids.map((id) => ({ id })) });

/** A produce that passes all checks. */
export const PRODUCED_REQUEST = { ...ON_MAIN, request_timeout: '1m', items: [ITEM] };

/** The checks of a produce. */
export const PRODUCE_STEPS: CheckedCall['steps'] = [
  LOOKUP,
  TIMEOUT_TEXT,
  TIMEOUT_SYNTAX,
  QUEUE_SHUTDOWN,
  TIMEOUT_REQUIRED,
  TIMEOUT_LONG,
  TIMEOUT_SHORT,
  {
    when: 'there are no items',
    text: 'items cannot be empty; at least one item is required',
    broken: { items: [] },
  },
  {
    when: 'there are more than 1,000 items',
    text: 'items is invalid; max_produce_batch_size is 1000 but received <number>',
    reason: 'too_large',
    broken: { items: times(1_001, ITEM) },
  },
  withoutNul('encoding', { items: [{ encoding: '\0' }] }),
  withoutNul('kind', { items: [{ kind: '\0' }] }),
  withoutNul('reference', { items: [{ reference: '\0' }] }),
  QUEUE_PAUSED,
  OVERLOADED,
  {
    when: 'the items were not stored within the request timeout',
    text: MESSAGES.produceTimedOut,
    reason: 'unavailable',
    code: 'retry',
  },
  {
    when: 'storage did not say whether the items are stored',
    text: MESSAGES.produceOutcomeUnknown,
    reason: 'outcome_unknown',
    code: 'retry',
  },
];

/** A lease that passes all checks. */
export const LEASED_REQUEST = {
  queue_name: QUEUES.empty,
  client_id: 'c',
  batch_size: 1,
  request_timeout: '10ms',
};

/** The checks of a lease. */
export const LEASE_STEPS: CheckedCall['steps'] = [
  LOOKUP,
  TIMEOUT_TEXT,
  TIMEOUT_SYNTAX,
  QUEUE_SHUTDOWN,
  {
    when: '`client_id` has more than 512 bytes',
    text: "invalid client id; cannot be greater than '512' characters",
    reason: 'too_large',
    broken: { client_id: 'c'.repeat(513) },
  },
  {
    when: '`client_id` is empty or blank',
    text: 'invalid client id; cannot be empty',
    broken: { client_id: ' ' },
  },
  withoutNul('client id', { client_id: 'a\0' }, '`client_id` contains U+0000'),
  {
    when: '`batch_size` is less than 1',
    text: 'invalid batch size; must be greater than zero',
    broken: { batch_size: 0 },
  },
  {
    when: '`batch_size` is greater than 1,000',
    text: 'invalid batch size; max_lease_batch_size is 1000, but <number> was requested',
    reason: 'too_large',
    broken: { batch_size: 1_001 },
  },
  TIMEOUT_REQUIRED,
  TIMEOUT_LONG,
  TIMEOUT_SHORT,
  {
    when: 'a request with this `client_id` waits on the queue at this process',
    text: MESSAGES.duplicateClientId,
  },
  {
    when: 'no item became available within the request timeout',
    text: MESSAGES.leaseTimedOut,
    code: 'retry',
    broken: { request_timeout: '10ms' },
  },
];

/** A correct `queue.complete`. */
export const COMPLETED_REQUEST = { ...ON_MAIN, partition: 0, request_timeout: '1m', ids: [UNKNOWN_ID] };

/** The checks of a request that names ids, before storage is asked. */
export const COMPLETE_STEPS: CheckedCall['steps'] = [
  LOOKUP,
  PARTITION,
  TIMEOUT_TEXT,
  TIMEOUT_SYNTAX,
  QUEUE_SHUTDOWN,
  { when: 'there are no ids', text: 'ids is invalid; list of ids cannot be empty', broken: { ids: [] } },
  tooManyIds('ids', withIds),
  ...distinctIds(withIds),
  TIMEOUT_REQUIRED,
  TIMEOUT_LONG,
];

/** A correct `queue.retry`. */
export const RETRIED_REQUEST = { ...ON_MAIN, partition: 0, items: [{ id: UNKNOWN_ID }] };

/** The checks of a request that names items, before storage is asked. */
export const RETRY_STEPS: CheckedCall['steps'] = [
  LOOKUP,
  PARTITION,
  QUEUE_SHUTDOWN,
  {
    when: 'there are no items',
    text: 'items is invalid; list of items cannot be empty',
    broken: { items: [] },
  },
  tooManyIds('items', withItems),
  ...distinctIds(withItems),
];

/** The calls on one queue. */
export const QUEUE_CALLS: readonly CheckedCall[] = [
  { path: '/v1/queue.produce', good: PRODUCED_REQUEST, steps: PRODUCE_STEPS },
  { path: '/v1/queue.lease', good: LEASED_REQUEST, steps: LEASE_STEPS },
  {
    path: '/v1/queue.complete',
    good: COMPLETED_REQUEST,
    steps: [...COMPLETE_STEPS, ...leasedIds('completed', withIds)],
  },
  {
    path: '/v1/queue.retry',
    good: RETRIED_REQUEST,
    steps: [...RETRY_STEPS, ...leasedIds('retried', withItems)],
  },
  { path: '/v1/queue.stats', good: ON_MAIN, steps: [LOOKUP, QUEUE_SHUTDOWN, STORAGE_FAILED] },
  {
    path: '/v1/queue.clear',
    good: { ...ON_MAIN, scheduled: true },
    steps: [
      LOOKUP,
      QUEUE_SHUTDOWN,
      {
        when: 'neither `queue` nor `scheduled` is true',
        text: "invalid clear request; one of 'queue', 'scheduled' must be true",
        broken: { scheduled: false, destructive: true },
      },
      STORAGE_FAILED,
    ],
  },
  { path: '/v1/queue.reload', good: ON_MAIN, steps: [LOOKUP, QUEUE_SHUTDOWN] },
];
