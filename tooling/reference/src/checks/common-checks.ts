import { MESSAGES } from '@querator/core';
import {
  type Check,
  type CheckGroup,
  QUEUES,
  textOf,
  times,
  UNKNOWN_ID,
  WAITING_ID,
  withoutNul,
} from './check.ts';

/** The answer of a process that is shutting down. */
export const SERVICE_SHUTDOWN: Check = {
  when: 'the process is shutting down',
  text: MESSAGES.serviceShutdown,
  reason: 'unavailable',
  code: 'failed',
};

/** The answer of a queue that is being stopped or deleted. */
export const QUEUE_SHUTDOWN: Check = {
  when: 'the queue is being stopped or deleted',
  text: MESSAGES.queueShutdown,
  reason: 'unavailable',
  code: 'failed',
};

/** The answer to a call that storage failed. */
export const STORAGE_FAILED: Check = {
  when: 'storage fails',
  text: MESSAGES.storageFailed,
  reason: 'unavailable',
  code: 'retry',
};

/** The answer while too many items wait. */
export const OVERLOADED: Check = {
  when: 'too many items wait for a busy storage',
  text: MESSAGES.overloaded,
  reason: 'over_limit',
  code: 'retry',
};

/** The answer to producers while their queue is paused. */
export const QUEUE_PAUSED: Check = {
  when: 'the queue is [paused](v2-queues-calls.md#v2queuespause)',
  text: MESSAGES.queuePaused,
  reason: 'queue_paused',
  code: 'retry',
};

/** The queue of a call that reads or changes items. */
export const LOOKUP: CheckGroup = {
  title: 'Queue lookup',
  checks: [
    SERVICE_SHUTDOWN,
    {
      when: 'the name is empty or blank',
      text: 'queue name is invalid; queue name cannot be empty',
      broken: { queue_name: ' ' },
    },
    {
      when: 'the name contains `~`',
      text: "queue name is invalid; '<name>' cannot contain '~' character",
      broken: { queue_name: 'a~b' },
    },
    withoutNul('queue name', { queue_name: 'a\0b' }, 'the name contains U+0000'),
    {
      when: 'no queue has this name',
      text: "queue does not exist; no such queue named '<name>'",
      reason: 'no_such_queue',
      broken: { queue_name: 'missing' },
    },
  ],
};

/** The name of a queue that is created, updated or deleted. */
export const QUEUE_NAME: CheckGroup = {
  title: 'Queue name',
  checks: [
    {
      when: 'the name is longer than 512 bytes',
      text: "queue name is invalid; cannot be greater than '512' characters",
      reason: 'too_large',
      broken: { queue_name: textOf(513) },
    },
    {
      when: 'the name is empty or blank',
      text: 'queue name is invalid; queue name cannot be empty',
      broken: { queue_name: '' },
    },
    {
      when: 'the name contains white space',
      text: "queue name is invalid; '<name>' cannot contain whitespace",
      broken: { queue_name: 'a b' },
    },
    {
      when: 'the name contains `~`',
      text: "queue name is invalid; '<name>' cannot contain '~' character",
      broken: { queue_name: 'a~b' },
    },
    withoutNul('queue name', { queue_name: 'a\0b' }, 'the name contains U+0000'),
  ],
};

/** The namespace of a queue that is created or updated, if one is given. */
export const NAMESPACE_NAME: CheckGroup = {
  title: 'Namespace name',
  checks: [
    {
      when: 'the name is longer than 256 bytes',
      text: "namespace name is invalid; cannot be greater than '256' characters",
      reason: 'too_large',
      broken: { namespace: textOf(257) },
    },
    {
      when: 'the name is blank',
      text: 'namespace name is invalid; cannot be empty',
      broken: { namespace: ' ' },
    },
    {
      when: 'the name contains white space',
      text: "namespace name is invalid; '<name>' cannot contain whitespace",
      broken: { namespace: 'a b' },
    },
    {
      when: 'the name contains `~`',
      text: "namespace name is invalid; '<name>' cannot contain '~' character",
      broken: { namespace: 'a~b' },
    },
    {
      when: 'the name contains `:`',
      text: "namespace name is invalid; '<name>' cannot contain ':' character",
      broken: { namespace: 'a:b' },
    },
    withoutNul('namespace name', { namespace: 'a\0b' }, 'the name contains U+0000'),
  ],
};

/** The partition that a call names. */
export const PARTITION: Check = {
  when: 'the queue has no such partition',
  text: "partition is invalid; '<partition>' is not a valid partition",
  reason: 'no_such_partition',
  broken: { partition: 99 },
};

/** The length of the request timeout's text. */
export const TIMEOUT_TEXT: Check = {
  when: '`request_timeout` has more than 100 bytes',
  text: "request timeout is invalid; cannot be greater than '100' characters",
  reason: 'too_large',
  broken: { request_timeout: `${'0'.repeat(100)}s` },
};

/** The syntax of the request timeout. */
export const TIMEOUT_SYNTAX: Check = {
  when: '`request_timeout` is not a [duration](http-api.md#durations)',
  text: 'request timeout is invalid; <what is wrong> - expected format: 900ms, 5m or 15m',
  broken: { request_timeout: '1d' },
};

/** The request timeout is missing. */
export const TIMEOUT_REQUIRED: Check = {
  when: '`request_timeout` is missing or 0',
  text: "request timeout is required; '5m' is recommended, 15m is the maximum",
  broken: { request_timeout: '' },
};

/** The request timeout is too long. */
export const TIMEOUT_LONG: Check = {
  when: '`request_timeout` is longer than 15m',
  text: "request timeout is invalid; maximum timeout is '15m' but '<timeout>' was requested",
  broken: { request_timeout: '16m' },
};

/** The request timeout is too short. Complete has no such check. */
export const TIMEOUT_SHORT: Check = {
  when: '`request_timeout` is shorter than 10ms',
  text: "request timeout is invalid; minimum timeout is '10ms' but '<timeout>' was requested",
  broken: { request_timeout: '9ms' },
};

/** The answer of a partition that is out of service. */
export const PARTITION_FAILING: Check = {
  when: 'the partition is failing',
  text: "partition not available; partition '<partition>' is failing, retry again",
  reason: 'unavailable',
  code: 'retry',
};

/** The ids of leased items that complete and retry name. */
export function leasedIds(
  action: 'completed' | 'retried',
  withIds: (...ids: string[]) => NonNullable<Check['broken']>,
): readonly Check[] {
  return [
    OVERLOADED,
    PARTITION_FAILING,
    ...malformedIds(withIds),
    {
      when: 'no item has this id, or the item is prepared, moving or moved',
      text: "invalid storage id; '<id>' does not exist",
      reason: 'lease_lost',
      broken: withIds(UNKNOWN_ID),
    },
    {
      when: 'the item is scheduled',
      text: "invalid storage id; '<id>' does not exist",
      reason: 'not_leased',
    },
    {
      when: 'the item is waiting',
      text: `item(s) cannot be ${action}; '<id>' is not marked as leased`,
      reason: 'not_leased',
      broken: withIds(WAITING_ID),
    },
    STORAGE_FAILED,
  ];
}

/** Ids that cannot be ids. */
export function malformedIds(withIds: (...ids: string[]) => NonNullable<Check['broken']>): readonly Check[] {
  return [
    {
      when: 'an id does not have 27 bytes',
      text: "invalid storage id; '<id>': Valid encoded KSUIDs are 27 characters",
      reason: 'no_such_item',
      broken: withIds('x'),
    },
    {
      when: 'an id is greater than the greatest possible one',
      text: "invalid storage id; '<id>': Valid encoded KSUIDs are bounded by 000000000000000000000000000 and aWgEPTl1tmebfsQzFP4bxwgy80V",
      reason: 'no_such_item',
      broken: withIds('z'.repeat(27)),
    },
  ];
}

/** Ids that are listed twice, or contain U+0000. */
export function distinctIds(withIds: (...ids: string[]) => NonNullable<Check['broken']>): readonly Check[] {
  return [
    {
      when: 'an id is listed twice',
      text: "invalid storage id; '<id>' is listed more than once",
      broken: withIds(UNKNOWN_ID, UNKNOWN_ID),
    },
    withoutNul('id', withIds(`${'0'.repeat(26)}\0`), 'an id contains U+0000'),
  ];
}

/** More ids than one request may name. */
export function tooManyIds(
  field: 'ids' | 'items',
  withIds: (...ids: string[]) => NonNullable<Check['broken']>,
): Check {
  return {
    when: `there are more than 1,000 ${field}`,
    text: `${field} is invalid; max_complete_batch_size is 1000 but received <number>`,
    reason: 'too_large',
    broken: withIds(...times(1_001, UNKNOWN_ID)),
  };
}

/** The fields of a request on the queue `main`. */
export const ON_MAIN = { queue_name: QUEUES.main } as const;
