import { ERROR_CODES, ERROR_REASONS, type ErrorCode, type ErrorReason, MESSAGES } from '@querator/core';
import { ERROR_STATUSES } from '@querator/protocol';
import { markdownTable } from './markdown-table.ts';

/** What each code means. */
export const ERROR_MEANINGS: Readonly<Record<ErrorCode, string>> = {
  invalid: 'The request is wrong or contradicts what is stored. Nothing was changed.',
  unauthenticated: 'The `Authorization` header is malformed.',
  forbidden:
    'The caller lacks the permission. Or the request is from a web page, or names a host, that is not served.',
  limited: 'The caller exceeds a limit of its own. `Retry-After` says when it may try again.',
  failed: 'The process is shutting down, or the queue is being deleted.',
  retry: 'Not served in time, or not possible now. Send the request again.',
  content: 'The server cannot read the body, or `Content-Type` or `Accept` is not supported.',
  internal: 'A fault of the server. The log has the cause.',
  unknown_method: 'No call has this path.',
};

/** The error codes: HTTP status, text, whether a repetition may succeed. */
export function errorCodeTable(): string {
  return markdownTable(
    ['HTTP status and `code`', '`code_text`', 'error code in TypeScript', 'retryable', 'meaning'],
    Object.entries(ERROR_STATUSES).map(([code, { status, codeText }]) => [
      String(status),
      codeText,
      `\`${code}\``,
      ERROR_CODES[code as ErrorCode].retryable ? 'yes' : 'no',
      ERROR_MEANINGS[code as ErrorCode],
    ]),
  );
}

const REASONS: Readonly<Record<ErrorReason, readonly [codes: readonly ErrorCode[], meaning: string]>> = {
  lease_lost: [
    ['invalid'],
    'The id is well-formed, but no leased item of the partition has it: completed, given back, expired, deleted, or never issued. The server cannot know which',
  ],
  not_leased: [['invalid'], 'The item waits or is scheduled'],
  no_such_item: [['invalid'], 'The id is malformed'],
  no_such_queue: [['invalid'], 'No queue has the name, or the name of the dead-letter queue'],
  queue_exists: [['invalid'], 'A queue has the name already'],
  queue_paused: [['retry'], 'The queue is paused.'],
  not_empty: [
    ['invalid'],
    'A queue holds items, and `force` is not set (only under `/v2/`). Or a namespace has queues, roles or bindings',
  ],
  changed: [['invalid'], 'The queue has changed since the time in `if_updated_at` (only under `/v2/`)'],
  no_such_partition: [['invalid'], 'The queue has no partition of this number'],
  no_such_record: [
    ['invalid', 'failed'],
    'No task or schedule (400), or no namespace, user, API key, role or role binding (453), has the id or name',
  ],
  over_limit: [
    ['retry', 'limited'],
    '454: the process is overloaded, or a namespace holds as much as its [quota](../quotas.md) allows. 429: the caller exceeds a limit of its own. Nothing was changed. Of a single item under `/v2/`: it has been held for longer than `max_hold`',
  ],
  too_large: [['invalid'], 'The body, a text of it, or the number of items is larger than the call allows'],
  unavailable: [
    ['retry', 'failed'],
    '454: storage failed or was not ready in time; nothing was changed. 453: the process is shutting down, the queue is being stopped or deleted, or its storage lacks what the call needs',
  ],
  outcome_unknown: [['retry'], 'Storage did not answer. The call may have taken effect'],
};

/** The stable words in `details.code`. */
export function errorReasonTable(): string {
  return markdownTable(
    ['`details.code`', 'HTTP status', 'meaning'],
    ERROR_REASONS.map((reason) => {
      const [codes, meaning] = REASONS[reason];
      return [`\`${reason}\``, codes.map((code) => ERROR_STATUSES[code].status).join(', '), meaning];
    }),
  );
}

const FIXED: Readonly<
  Record<keyof typeof MESSAGES, readonly [code: ErrorCode, when: string, reason?: ErrorReason]>
> = {
  leaseTimedOut: ['retry', 'lease: no item became available within the request timeout'],
  duplicateClientId: ['invalid', 'lease: a request with this `client_id` already waits on the queue'],
  serviceShutdown: ['failed', 'any call: the process is shutting down', 'unavailable'],
  queueShutdown: ['failed', 'any call on a queue that is being stopped or deleted', 'unavailable'],
  queuePaused: [
    'retry',
    'produce: an operator has [paused](v2-queues-calls.md#v2queuespause) the queue. Nothing was stored',
    'queue_paused',
  ],
  overloaded: [
    'retry',
    'produce, complete, retry: too many items wait for a busy storage. Any call: the requests of the process hold too much memory, or too many lease requests wait. Nothing was changed',
    'over_limit',
  ],
  produceTimedOut: [
    'retry',
    'produce: not stored within the request timeout. Nothing was stored',
    'unavailable',
  ],
  produceOutcomeUnknown: [
    'retry',
    'produce: storage did not answer. The items may or may not be stored',
    'outcome_unknown',
  ],
  queueLocked: [
    'retry',
    'queues.delete: another session has locked a table of the queue. Nothing was deleted',
    'unavailable',
  ],
  storageFailed: ['retry', 'any call: storage failed', 'unavailable'],
  internal: ['internal', 'any call: a fault of the server'],
};

/** The messages that clients may compare. */
export function fixedMessageTable(): string {
  return markdownTable(
    ['message', 'code', 'sent if'],
    Object.entries(FIXED).map(([name, [code, when, reason]]) => [
      `\`${MESSAGES[name as keyof typeof MESSAGES]}\``,
      reason === undefined
        ? String(ERROR_STATUSES[code].status)
        : `${ERROR_STATUSES[code].status} \`${reason}\``,
      when,
    ]),
  );
}
