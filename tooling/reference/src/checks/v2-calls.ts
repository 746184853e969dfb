import { MESSAGES } from '@querator/core';
import { type CheckedCall, QUEUES, textOf } from './check.ts';
import {
  LOOKUP,
  OVERLOADED,
  PARTITION_FAILING,
  QUEUE_SHUTDOWN,
  SERVICE_SHUTDOWN,
  STORAGE_FAILED,
} from './common-checks.ts';
import { ITEMS_CALLS } from './items-calls.ts';
import { KEYED_PRODUCE_STEPS } from './keyed-produce.ts';
import {
  LEASE_STEPS_V2,
  LEASE_TIMEOUT_LONG,
  LEASE_TIMEOUT_NEGATIVE,
  LEASE_TIMEOUT_TEXT,
} from './lease-options.ts';
import { ERROR_STEPS, needsMetadata, needsNewServers } from './metadata.ts';
import {
  COMPLETE_STEPS,
  COMPLETED_REQUEST,
  LEASED_REQUEST,
  PRODUCED_REQUEST,
  RETRIED_REQUEST,
  RETRY_STEPS,
} from './queue-calls.ts';
import { DELETABLE, DROPPABLE, UNKNOWN_QUEUE, UPDATE_CALL } from './queues-calls.ts';
import { QUEUES_LIST_CALL } from './queues-list.ts';
import { QUOTA_CALLS } from './quota-calls.ts';
import { SCHEDULE_CALLS } from './schedule-calls.ts';
import { SESSION_CALLS } from './session-calls.ts';
import { RESIZE_CALL, TASKS_CALLS } from './tasks-calls.ts';

/** The metadata is required before the request waits. */
const DETAILED_LEASE_STEPS = LEASE_STEPS_V2.flatMap((step) =>
  'text' in step && step.text === MESSAGES.duplicateClientId
    ? [needsMetadata('the request is a lease'), step]
    : [step],
);

/** The calls under `/v2/`. */
export const V2_CALLS: readonly CheckedCall[] = [
  {
    path: '/v2/server.info',
    good: {},
    steps: [{ when: 'the caller lacks the permission', text: 'access denied', code: 'forbidden' }],
  },
  {
    path: '/v2/instances.list',
    good: {},
    steps: [
      { when: 'the caller lacks the permission', text: 'access denied', code: 'forbidden' },
      {
        when: 'the storage of the queues has not answered since the start of this server',
        text: 'the list of servers is unavailable; the servers that run cannot be read, try again later',
        reason: 'unavailable',
        code: 'retry',
      },
    ],
  },
  {
    path: '/v2/apikeys.rotate',
    good: { id: 'missing', grace: '1h' },
    steps: [
      {
        when: '`grace` has more than 100 bytes',
        text: "grace is invalid; cannot be greater than '100' characters",
        broken: { grace: '1'.repeat(101) },
      },
      {
        when: '`grace` is missing, or not a [duration](http-api.md#durations)',
        text: 'grace is invalid; <what is wrong> - expected format: 0s, 30m or 24h',
        broken: { grace: '1d' },
      },
      { when: '`id` is missing', text: 'id is invalid; cannot be empty', broken: { id: '' } },
      {
        when: '`grace` is negative',
        text: 'grace is invalid; cannot be negative',
        broken: { grace: '-1s' },
      },
      {
        when: '`grace` is longer than 720h',
        text: "grace is invalid; cannot be greater than '720h0m0s'",
        broken: { grace: '721h' },
      },
      { when: 'the caller lacks a permission', text: 'access denied', code: 'forbidden' },
      {
        when: 'no key has this id',
        text: "api key does not exist; '<id>' was not found",
        reason: 'no_such_record',
        code: 'failed',
        broken: { id: 'missing' },
      },
      STORAGE_FAILED,
    ],
  },
  {
    path: '/v2/audit.list',
    good: {},
    steps: [
      { when: 'the caller lacks the permission', text: 'access denied', code: 'forbidden' },
      {
        when: '`audit.table` is off',
        text: "audit events are not stored; the server's setting audit.table is off",
        code: 'failed',
        reason: 'unavailable',
      },
      {
        when: '`limit` is negative',
        text: 'limit is invalid; limit cannot be negative',
        broken: { limit: -1 },
      },
      {
        when: '`limit` is greater than 500',
        text: 'limit is invalid; cannot be greater than <limit>',
        broken: { limit: 501 },
      },
      {
        when: '`cursor` is no cursor of a reply',
        text: 'cursor is invalid; expected the cursor of a reply',
        broken: { cursor: 'x' },
      },
      STORAGE_FAILED,
    ],
  },
  { path: '/v2/queue.produce', good: PRODUCED_REQUEST, steps: KEYED_PRODUCE_STEPS },
  { path: '/v2/queue.lease', good: LEASED_REQUEST, steps: DETAILED_LEASE_STEPS },
  {
    path: '/v2/queue.complete',
    good: COMPLETED_REQUEST,
    steps: [...COMPLETE_STEPS, OVERLOADED, PARTITION_FAILING, STORAGE_FAILED],
  },
  {
    path: '/v2/queue.retry',
    good: RETRIED_REQUEST,
    steps: [
      ...RETRY_STEPS,
      ...ERROR_STEPS,
      needsNewServers('an item has an `error`'),
      needsMetadata('an item has an `error`'),
      OVERLOADED,
      PARTITION_FAILING,
      STORAGE_FAILED,
    ],
  },
  {
    path: '/v2/queue.extend',
    good: { ...COMPLETED_REQUEST, lease_timeout: '1m' },
    steps: [
      ...COMPLETE_STEPS,
      ...LEASE_TIMEOUT_TEXT,
      {
        when: '`lease_timeout` is missing or 0',
        text: 'lease timeout is invalid; cannot be empty',
        broken: { lease_timeout: '' },
      },
      LEASE_TIMEOUT_NEGATIVE,
      {
        when: '`max_hold` has more than 15 bytes',
        text: "max hold is invalid; cannot be greater than '15' characters",
        reason: 'too_large',
        broken: { max_hold: textOf(16) },
      },
      {
        when: '`max_hold` is not a [duration](http-api.md#durations)',
        text: 'max hold is invalid; <what is wrong> - expected format: 30m, 2h or 24h',
        broken: { max_hold: '1d' },
      },
      {
        when: '`max_hold` is 0',
        text: 'max hold is invalid; cannot be empty',
        broken: { max_hold: '0s' },
      },
      {
        when: '`max_hold` is negative',
        text: 'max hold is invalid; cannot be negative',
        broken: { max_hold: '-1s' },
      },
      LEASE_TIMEOUT_LONG,
      OVERLOADED,
      PARTITION_FAILING,
      {
        when: 'the storage of the partition cannot extend leases',
        text: 'leases cannot be extended; the storage of the partition has no such call',
        reason: 'unavailable',
        code: 'failed',
      },
      STORAGE_FAILED,
    ],
  },
  {
    path: '/v2/queues.delete',
    good: { queue_name: QUEUES.empty },
    steps: [
      ...DELETABLE,
      {
        when: 'it holds items, waiting, leased or scheduled, and `force` is not set',
        text: "queue is not empty; '<name>' holds <number of items>, use force to delete them too",
        reason: 'not_empty',
        broken: { queue_name: QUEUES.main },
      },
      {
        when: 'its items cannot be counted within 10 s, and `force` is not set',
        text: MESSAGES.storageFailed,
        reason: 'unavailable',
        code: 'retry',
      },
      ...DROPPABLE,
    ],
  },
  {
    path: '/v2/storages.list',
    good: {},
    steps: [
      { when: 'the caller lacks the permission in `_system`', text: 'access denied', code: 'forbidden' },
      SERVICE_SHUTDOWN,
    ],
  },
  QUEUES_LIST_CALL,
  {
    path: '/v2/queues.describe',
    good: { queue_name: QUEUES.main },
    steps: [LOOKUP, QUEUE_SHUTDOWN, STORAGE_FAILED],
  },
  {
    path: '/v2/queues.rates',
    good: { queue_name: QUEUES.main },
    steps: [
      {
        when: '`span` has more than 100 bytes',
        text: "span is invalid; cannot be greater than '100' characters",
        broken: { span: '1'.repeat(101) },
      },
      {
        when: '`span` is not a [duration](http-api.md#durations)',
        text: 'span is invalid; <what is wrong> - expected format: 1h, 30m or 24h',
        broken: { span: '1d' },
      },
      {
        when: '`span` is out of range',
        text: "span is invalid; must be from '1s' to '24h0m0s'",
        broken: { span: '25h' },
      },
      SERVICE_SHUTDOWN,
      UNKNOWN_QUEUE,
      {
        when: 'the storage of the queues keeps no rates',
        text: 'the storage of the queues keeps no rates',
        reason: 'unavailable',
        code: 'failed',
      },
      STORAGE_FAILED,
    ],
  },
  UPDATE_CALL,
  {
    path: '/v2/queues.pause',
    good: { queue_name: QUEUES.idle, lease: true },
    steps: [
      {
        when: 'neither `produce` nor `lease` is set',
        text: "invalid pause request; one of 'produce', 'lease' must be true",
        broken: { lease: false },
      },
      {
        when: 'a server on the same storage does not know pauses',
        text: "'queues.pause' is unavailable; stop or upgrade the server <its name>",
        reason: 'unavailable',
        code: 'retry',
      },
      SERVICE_SHUTDOWN,
      {
        when: 'the storage of the queues cannot keep pauses',
        text: 'queues cannot be paused; their storage does not keep pauses',
        reason: 'unavailable',
        code: 'retry',
      },
      UNKNOWN_QUEUE,
      {
        when: '`until` has passed, by the clock of the storage',
        text: 'until is invalid; it must be in the future',
        broken: { until: '2020-01-01T00:00:00Z' },
      },
      STORAGE_FAILED,
    ],
  },
  {
    path: '/v2/queues.resume',
    good: { queue_name: QUEUES.idle },
    steps: [SERVICE_SHUTDOWN, UNKNOWN_QUEUE, STORAGE_FAILED],
  },
  RESIZE_CALL,
  ...ITEMS_CALLS,
  ...QUOTA_CALLS,
  ...SCHEDULE_CALLS,
  ...SESSION_CALLS,
  ...TASKS_CALLS,
];
