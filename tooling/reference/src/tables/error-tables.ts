import { ERROR_CODES, type ErrorCode, MESSAGES } from '@querator/core';
import { ERROR_STATUSES } from '@querator/protocol';
import { markdownTable } from './markdown-table.ts';

const MEANINGS: Readonly<Record<ErrorCode, string>> = {
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
      MEANINGS[code as ErrorCode],
    ]),
  );
}

const FIXED: Readonly<Record<keyof typeof MESSAGES, readonly [code: ErrorCode, when: string]>> = {
  leaseTimedOut: ['retry', 'lease: no item became available within the request timeout'],
  duplicateClientId: ['invalid', 'lease: a request with this `client_id` already waits on the queue'],
  serviceShutdown: ['failed', 'any call: the process is shutting down'],
  queueShutdown: ['failed', 'any call on a queue that is being stopped or deleted'],
  overloaded: [
    'retry',
    'produce, complete, retry: too many items wait for a busy storage. Any call: the requests of the process hold too much memory, or too many lease requests wait. Nothing was changed',
  ],
  produceTimedOut: ['retry', 'produce: not stored within the request timeout. Nothing was stored'],
  produceOutcomeUnknown: ['retry', 'produce: storage did not answer. The items may or may not be stored'],
  queueLocked: [
    'retry',
    'queues.delete: another session has locked a table of the queue. Nothing was deleted',
  ],
  storageFailed: ['retry', 'any call: storage failed'],
  internal: ['internal', 'any call: a fault of the server'],
};

/** The messages that clients may compare. */
export function fixedMessageTable(): string {
  return markdownTable(
    ['message', 'code', 'sent if'],
    Object.entries(FIXED).map(([name, [code, when]]) => [
      `\`${MESSAGES[name as keyof typeof MESSAGES]}\``,
      String(ERROR_STATUSES[code].status),
      when,
    ]),
  );
}
