import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

/**
 * A failure that the caller sees. `code` is stable; `message` is the documented
 * text (docs/reference/errors.md). `cause` is for the log only and never leaves
 * the process.
 */
export class QueueError extends Error {
  override readonly name = 'QueueError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** Makes a {@link QueueError} with the code `invalid`: the request is wrong. */
export function invalid(message: string): QueueError {
  return new QueueError('invalid', message);
}
