import { ERROR_CODES, type ErrorCode } from './error-codes.ts';
import { markKind } from './error-kind.ts';
import type { ErrorReason } from './error-reasons.ts';

/** More about a failure, for programs. */
export interface QueueErrorOptions {
  /** For the log only. */
  readonly cause?: unknown;
  /** An {@link ErrorReason}, or a word of another server. */
  readonly reason?: string | undefined;
  /** After how many milliseconds the same request may succeed. Undefined: not known. */
  readonly retryAfterMs?: number | undefined;
  /** What the server, its storage or another server lacks for the request, such as `metadata` or `dedup`. */
  readonly missing?: string | undefined;
}

/**
 * A failure that the caller sees. `code` is stable; `message` is the documented
 * text (docs/reference/errors.md). `cause` is for the log only and never leaves
 * the process.
 */
export class QueueError extends Error {
  static {
    markKind(QueueError, 'QueueError');
  }

  override readonly name = 'QueueError';
  readonly code: ErrorCode;
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly missing: string | undefined;

  constructor(code: ErrorCode, message: string, options?: QueueErrorOptions) {
    super(message, options);
    this.code = code;
    this.reason = options?.reason;
    this.retryAfterMs = options?.retryAfterMs;
    this.missing = options?.missing;
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/**
 * Makes a {@link QueueError} with the code `invalid`: the request is wrong.
 *
 * @param message made by the tag `errorText` if it contains a value.
 */
export function invalid(message: string, reason?: ErrorReason): QueueError {
  return new QueueError('invalid', message, { reason });
}
