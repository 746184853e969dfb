/**
 * Every kind of failure a caller can see. Transport-free: what number a kind
 * has on the wire is the protocol package's business.
 *
 * `retryable` tells a caller that the very same request may succeed later.
 */
export const ERROR_CODES = {
  /** The request is wrong, or contradicts what is stored. Nothing was changed. */
  invalid: { retryable: false },
  /** The caller's credentials are missing, malformed, unknown or expired. */
  unauthenticated: { retryable: false },
  /** The caller is known, and may not do this. */
  forbidden: { retryable: false },
  /** The request is right, but cannot be served here and now, as during shutdown. */
  failed: { retryable: false },
  /** Not served in time, or not at the moment: try again. */
  retry: { retryable: true },
  /** The request's body or its headers could not be understood. */
  content: { retryable: false },
  /** A fault of ours. Its cause goes to the log; the caller is told nothing of it. */
  internal: { retryable: true },
  /** There is no such method. */
  unknown_method: { retryable: false },
} as const satisfies Record<string, { retryable: boolean }>;

/** The name of a kind of failure; see {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;
