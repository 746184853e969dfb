import { ERROR_CODES, type ErrorCode } from './error-codes.ts';

/**
 * A failure the caller is told about: `code` is stable, `message` is the text
 * that api.md documents for it. `cause` is for the log only and never leaves
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

/** The request is wrong: a {@link QueueError} with the code `invalid`. */
export function invalid(message: string): QueueError {
  return new QueueError('invalid', message);
}
