import { MESSAGES } from '@querator/core';
import { type Check, type CheckedCall, type CheckGroup, QUEUES, textOf, withoutNul } from './check.ts';
import {
  LOOKUP,
  NAMESPACE_NAME,
  ON_MAIN,
  QUEUE_NAME,
  SERVICE_SHUTDOWN,
  STORAGE_FAILED,
} from './common-checks.ts';

export const UNKNOWN_QUEUE: Check = {
  when: 'no queue has this name',
  text: "queue does not exist; no such queue named '<name>'",
  reason: 'no_such_queue',
  broken: { queue_name: 'missing' },
};

const TIMEOUT_TEXTS: readonly Check[] = [
  {
    when: '`lease_timeout` is longer than 15 bytes',
    text: "lease timeout is invalid; cannot be greater than '15' characters",
    reason: 'too_large',
    broken: { lease_timeout: '1.00000000000000s' },
  },
  {
    when: '`expire_timeout` is longer than 15 bytes',
    text: "expire timeout is invalid; cannot be greater than '15' characters",
    reason: 'too_large',
    broken: { expire_timeout: '1.00000000000000s' },
  },
  {
    when: '`expire_timeout` is not a [duration](http-api.md#durations)',
    text: 'expire timeout is invalid; <what is wrong> - expected format: 60m, 2h or 24h',
    broken: { expire_timeout: '7d' },
  },
  {
    when: '`lease_timeout` is not a [duration](http-api.md#durations)',
    text: 'lease timeout is invalid; <what is wrong> - expected format: 8m, 15m or 1h',
    broken: { lease_timeout: '7d' },
  },
];

/** The dead-letter queue of a queue that is created or updated, if one is given. */
export const DEAD_QUEUE: CheckGroup = {
  title: 'Dead-letter queue',
  checks: [
    {
      when: 'the name is longer than 500 bytes',
      text: "dead queue is invalid; cannot be greater than '500' characters",
      reason: 'too_large',
      broken: { dead_queue: textOf(501) },
    },
    withoutNul('dead queue', { dead_queue: 'a\0' }, 'the name contains U+0000'),
    {
      when: 'the name contains white space',
      text: "dead queue is invalid; '<name>' cannot contain whitespace",
      broken: { dead_queue: 'a b' },
    },
    {
      when: 'the name contains `~`',
      text: "dead queue is invalid; '<name>' cannot contain '~' character",
      broken: { dead_queue: 'a~b' },
    },
    {
      when: 'it is the queue itself',
      text: 'dead_queue cannot reference itself',
      broken: { queue_name: QUEUES.idle, dead_queue: QUEUES.idle },
    },
    {
      when: 'no queue has this name',
      text: "dead_queue does not exist; '<name>' was not found, create it first",
      reason: 'no_such_queue',
      broken: { dead_queue: 'missing' },
    },
    {
      when: 'it is being deleted',
      text: "dead_queue does not exist; '<name>' is being deleted",
      reason: 'no_such_queue',
    },
    {
      when: 'it has a dead-letter queue itself',
      text: "dead_queue is invalid; '<name>' already has its own dead_queue configured",
      broken: { queue_name: QUEUES.idle, dead_queue: QUEUES.main },
    },
    {
      when: 'the queue is the dead-letter queue of another one',
      text: "dead_queue is invalid; '<name>' is itself the dead_queue of '<other name>'",
      broken: { queue_name: QUEUES.dead, dead_queue: QUEUES.empty },
    },
  ],
};

const SETTINGS: readonly Check[] = [
  {
    when: '`reference` is longer than 2,000 bytes',
    text: "reference field is invalid; cannot be greater than '2000' characters",
    reason: 'too_large',
    broken: { reference: textOf(2_001) },
  },
  withoutNul('reference field', { reference: '\0' }, '`reference` contains U+0000'),
  {
    when: '`max_attempts` is greater than 65,536',
    text: 'max attempts is invalid; cannot be greater than 65536',
    broken: { max_attempts: 65_537 },
  },
  {
    when: '`max_attempts` is negative',
    text: 'max attempts is invalid; cannot be negative number',
    broken: { max_attempts: -1 },
  },
  {
    when: '`requested_partitions` is less than 1',
    text: 'partitions is invalid; cannot be less than 1',
    broken: { requested_partitions: -1 },
  },
  {
    when: '`requested_partitions` is greater than 1,024',
    text: 'partitions is invalid; cannot be greater than 1024',
    broken: { requested_partitions: 1_025 },
  },
];

const TIMEOUT_VALUES: readonly Check[] = [
  {
    when: '`lease_timeout` is missing or shorter than 1us',
    text: 'lease timeout is invalid; cannot be empty',
    broken: { lease_timeout: '999ns' },
  },
  {
    when: '`lease_timeout` is negative',
    text: 'lease timeout is invalid; cannot be negative',
    broken: { lease_timeout: '-1m' },
  },
  {
    when: '`expire_timeout` is missing or shorter than 1us',
    text: 'expire timeout is invalid; cannot be empty',
    broken: { expire_timeout: '999ns' },
  },
  {
    when: '`expire_timeout` is negative',
    text: 'expire timeout is invalid; cannot be negative',
    broken: { expire_timeout: '-1h' },
  },
  {
    when: '`lease_timeout` is longer than `expire_timeout`',
    text: 'lease timeout is too long; <timeout> cannot be greater than the expire timeout <timeout>',
    broken: { lease_timeout: '3h', expire_timeout: '2h' },
  },
];

const TAKEN: Check = {
  when: 'the name is taken. If this process does not serve that queue yet, this is the last check',
  text: "invalid queue; '<name>' already exists",
  reason: 'queue_exists',
  broken: { queue_name: QUEUES.main },
};

const LIST_STEPS: readonly Check[] = [
  SERVICE_SHUTDOWN,
  {
    when: '`limit` is greater than 65,536',
    text: 'limit is invalid; cannot be greater than 65536',
    broken: { limit: 65_537 },
  },
  {
    when: '`limit` is negative',
    text: 'limit is invalid; limit cannot be negative',
    broken: { limit: -1 },
  },
  {
    when: '`pivot` contains `~`',
    text: "pivot is invalid; '<pivot>' cannot contain '~' character",
    broken: { pivot: 'a~b' },
  },
  withoutNul('pivot', { pivot: '\0' }),
  withoutNul('namespace', { namespace: '\0' }),
  STORAGE_FAILED,
];

/** What every deletion of a queue checks first. */
export const DELETABLE: readonly (Check | CheckGroup)[] = [
  QUEUE_NAME,
  SERVICE_SHUTDOWN,
  UNKNOWN_QUEUE,
  {
    when: 'it is a dead-letter queue, and `force` is not set',
    text: "queue is in use; '<name>' is the dead_queue of '<other name>', update that queue first or use force",
    broken: { queue_name: QUEUES.dead },
  },
  {
    when: 'a storage of the queue is not configured, and `force` is not set',
    text: "queue cannot be deleted; storage '<storage>' of its partition '<partition>' is not configured, put it back, or use force to leave the items there",
  },
];

/** What every deletion of a queue checks last. */
export const DROPPABLE: readonly Check[] = [
  {
    when: 'another session has locked a table of the queue',
    text: MESSAGES.queueLocked,
    reason: 'unavailable',
    code: 'retry',
  },
  STORAGE_FAILED,
];

/** The call that changes settings, with a condition. */
export const UPDATE_CALL: CheckedCall = {
  path: '/v2/queues.update',
  good: { ...ON_MAIN, dead_queue: QUEUES.dead },
  steps: [
    QUEUE_NAME,
    ...TIMEOUT_TEXTS,
    SERVICE_SHUTDOWN,
    UNKNOWN_QUEUE,
    DEAD_QUEUE,
    {
      when: 'the queue has changed since `if_updated_at`',
      text: "queue has changed; '<name>' is not as it was at 'if_updated_at'",
      reason: 'changed',
      broken: { if_updated_at: '2026-01-01T00:00:00Z' },
    },
    ...SETTINGS,
    ...TIMEOUT_VALUES,
    STORAGE_FAILED,
  ],
};

/** The calls on queues. */
export const QUEUES_CALLS: readonly CheckedCall[] = [
  {
    path: '/v1/queues.create',
    good: { queue_name: 'check-new', lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 },
    steps: [
      QUEUE_NAME,
      ...TIMEOUT_TEXTS,
      NAMESPACE_NAME,
      SERVICE_SHUTDOWN,
      TAKEN,
      DEAD_QUEUE,
      ...SETTINGS,
      ...TIMEOUT_VALUES,
      STORAGE_FAILED,
    ],
  },
  { path: '/v1/queues.list', good: {}, steps: LIST_STEPS },
  { path: '/v1/queues.info', good: ON_MAIN, steps: [LOOKUP, STORAGE_FAILED] },
  {
    path: '/v1/queues.update',
    good: { ...ON_MAIN, dead_queue: QUEUES.dead },
    steps: [
      QUEUE_NAME,
      ...TIMEOUT_TEXTS,
      NAMESPACE_NAME,
      SERVICE_SHUTDOWN,
      UNKNOWN_QUEUE,
      DEAD_QUEUE,
      ...SETTINGS,
      ...TIMEOUT_VALUES,
      STORAGE_FAILED,
    ],
  },
  { path: '/v1/queues.delete', good: { queue_name: QUEUES.empty }, steps: [...DELETABLE, ...DROPPABLE] },
];
