import { type ErrorCode, MESSAGES, QueueError } from '@querator/core';
import type { Reply } from './gen/duh/v1/reply.ts';

/** The number of a kind of failure, which is the HTTP status as well, and its fixed text. */
export interface ErrorStatus {
  readonly status: number;
  readonly codeText: string;
}

/** What every kind of failure is on the wire (wire.md, section 5). */
export const ERROR_STATUSES: Readonly<Record<ErrorCode, ErrorStatus>> = {
  invalid: { status: 400, codeText: 'Bad Request' },
  unauthenticated: { status: 401, codeText: 'Unauthorized' },
  forbidden: { status: 403, codeText: 'Forbidden' },
  failed: { status: 453, codeText: 'Request Failed' },
  retry: { status: 454, codeText: 'Retry Request' },
  content: { status: 455, codeText: 'Client Content Error' },
  internal: { status: 500, codeText: 'Internal Service Error' },
  unknown_method: { status: 501, codeText: 'Not Implemented' },
};

/**
 * The kinds of failure that other servers and proxies answer with, and that
 * ours does not. 429, 502, 503 and 504 may go away by themselves.
 */
const FOREIGN_STATUSES: ReadonlyMap<number, ErrorCode> = new Map([
  [404, 'invalid'],
  [409, 'invalid'],
  [429, 'retry'],
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

/**
 * The reply to a request that failed; its `code` is the HTTP status. Whatever
 * is not a `QueueError`, and whatever is `internal`, becomes "Internal Error"
 * without a word of its cause: the caller logs it.
 */
export function errorReply(error: unknown): Reply {
  const code = error instanceof QueueError ? error.code : 'internal';
  const { status, codeText } = ERROR_STATUSES[code];
  const message = code === 'internal' ? MESSAGES.internal : (error as QueueError).message;
  return { code: status, codeText, message, details: new Map() };
}

/** The kind of failure behind a status; `internal` for one that nobody should send. */
export function errorCodeOf(status: number): ErrorCode {
  return CODES_BY_STATUS.get(status) ?? 'internal';
}

/** The error a client throws for a reply other than 200. The code inside the reply counts. */
export function errorFromReply(reply: Reply): QueueError {
  return new QueueError(errorCodeOf(reply.code), reply.message);
}

/** The error for a path that no endpoint has. */
export function unknownMethod(path: string): QueueError {
  return new QueueError('unknown_method', `no such method; ${path}`);
}

/** The error for an HTTP method other than POST. */
export function methodNotAllowed(method: string): QueueError {
  return new QueueError('invalid', `http method '${method}' not allowed; only POST`);
}
