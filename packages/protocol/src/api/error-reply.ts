import {
  DurationSyntaxError,
  type ErrorCode,
  errorText,
  formatDuration,
  invalid,
  MESSAGES,
  milliseconds,
  parseDuration,
  QueueError,
  toMilliseconds,
} from '@querator/core';
import type { Reply } from '../gen/duh/v1/reply.ts';

/** The number of a kind of failure, which is also the HTTP status, and its fixed text. */
export interface ErrorStatus {
  readonly status: number;
  readonly codeText: string;
}

/** Every kind of failure on the wire (docs/reference/errors.md). */
export const ERROR_STATUSES: Readonly<Record<ErrorCode, ErrorStatus>> = {
  invalid: { status: 400, codeText: 'Bad Request' },
  unauthenticated: { status: 401, codeText: 'Unauthorized' },
  forbidden: { status: 403, codeText: 'Forbidden' },
  limited: { status: 429, codeText: 'Too Many Requests' },
  failed: { status: 453, codeText: 'Request Failed' },
  retry: { status: 454, codeText: 'Retry Request' },
  content: { status: 455, codeText: 'Client Content Error' },
  internal: { status: 500, codeText: 'Internal Service Error' },
  unknown_method: { status: 501, codeText: 'Not Implemented' },
};

/**
 * Statuses of other servers and proxies that Querator never sends. 502, 503
 * and 504 may be temporary.
 */
const FOREIGN_STATUSES: ReadonlyMap<number, ErrorCode> = new Map([
  [404, 'invalid'],
  [409, 'invalid'],
  [452, 'content'],
  [502, 'retry'],
  [503, 'retry'],
  [504, 'retry'],
  [512, 'internal'],
]);

const CODES_BY_STATUS: ReadonlyMap<number, ErrorCode> = new Map([
  ...FOREIGN_STATUSES,
  ...Object.entries(ERROR_STATUSES).map(([code, { status }]) => [status, code as ErrorCode] as const),
]);

/** The names of what programs read in the `details` of a reply. */
const DETAILS = { reason: 'code', retryAfter: 'retry_after', missing: 'missing' } as const;

/**
 * The reply to a failed request; its `code` is the HTTP status. An error that is
 * not a `QueueError`, or whose code is `internal`, becomes "Internal Error". The
 * reply never contains its cause, so the caller must log it.
 */
export function errorReply(error: unknown): Reply {
  const code = error instanceof QueueError ? error.code : 'internal';
  const { status, codeText } = ERROR_STATUSES[code];
  const message = code === 'internal' ? MESSAGES.internal : (error as QueueError).message;
  return { code: status, codeText, message, details: detailsOf(error) };
}

function detailsOf(error: unknown): Map<string, string> {
  const details = new Map<string, string>();
  if (!(error instanceof QueueError)) return details;
  if (error.reason !== undefined) details.set(DETAILS.reason, error.reason);
  if (error.missing !== undefined) details.set(DETAILS.missing, error.missing);
  if (error.retryAfterMs !== undefined) {
    details.set(DETAILS.retryAfter, formatDuration(milliseconds(error.retryAfterMs)));
  }
  return details;
}

/** The kind of failure of a status; `internal` for an unexpected one. */
export function errorCodeOf(status: number): ErrorCode {
  return CODES_BY_STATUS.get(status) ?? 'internal';
}

/** The error that a client throws for a reply other than 200. The code in the reply counts. */
export function errorFromReply(reply: Reply): QueueError {
  return new QueueError(errorCodeOf(reply.code), reply.message, {
    reason: reply.details.get(DETAILS.reason),
    missing: reply.details.get(DETAILS.missing),
    retryAfterMs: retryAfterOf(reply.details.get(DETAILS.retryAfter)),
  });
}

/** Another server may put any text there. */
function retryAfterOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  try {
    return toMilliseconds(parseDuration(text));
  } catch (error) {
    if (error instanceof DurationSyntaxError) return undefined;
    throw error;
  }
}

/** The error for an unknown path. */
export function unknownMethod(path: string): QueueError {
  return new QueueError('unknown_method', errorText`no such method; ${path}`);
}

/** The error for an HTTP method other than POST. */
export function methodNotAllowed(method: string): QueueError {
  return invalid(errorText`http method '${method}' not allowed; only POST`);
}
