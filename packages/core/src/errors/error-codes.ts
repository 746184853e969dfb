/**
 * Every kind of failure that a caller can see. The protocol package maps each
 * kind to a number on the wire (docs/reference/errors.md).
 *
 * `retryable`: the same request may succeed later.
 */
export const ERROR_CODES = {
  /** The request is wrong, or conflicts with stored data. Nothing was changed. */
  invalid: { retryable: false },
  /** The caller's credentials are missing, malformed, unknown or expired. */
  unauthenticated: { retryable: false },
  /** The caller is known, but lacks the permission. */
  forbidden: { retryable: false },
  /** The caller exceeds a limit of its own. See `QueueError.retryAfterMs`. */
  limited: { retryable: true },
  /** The request is correct, but this server cannot serve it now, for example during shutdown. */
  failed: { retryable: false },
  /** The request was not served in time, or cannot be served at the moment. */
  retry: { retryable: true },
  /** The request's body or headers are malformed. */
  content: { retryable: false },
  /** An internal error. Its cause goes to the log and never to the caller. */
  internal: { retryable: true },
  /** The method does not exist. */
  unknown_method: { retryable: false },
} as const satisfies Record<string, { retryable: boolean }>;

/** The name of a kind of failure; see {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;
