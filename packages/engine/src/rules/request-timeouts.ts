import {
  byteLength,
  type Duration,
  DurationSyntaxError,
  errorText,
  formatDuration,
  invalid,
  LIMITS,
  LONGEST_REQUEST_TIMEOUT,
  parseDuration,
  verbatim,
} from '@querator/core';

/** Timeout texts whose duration is kept, because clients send the same few again and again. */
const TEXTS_KEPT = 100;

/** Reads the timeouts of requests. */
export class RequestTimeouts {
  readonly #known = new Map<string, Duration>();

  /**
   * Parses a request's timeout. An empty text is zero, which
   * `checkRequestTimeout` refuses later: other checks come in between.
   *
   * @throws QueueError `invalid` when the text is too long, or no duration.
   */
  parse(text: string): Duration {
    if (text === '') return 0n as Duration;
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (byteLength(text) > LIMITS.requestTimeoutText) {
      throw invalid(
        errorText`request timeout is invalid; cannot be greater than '${LIMITS.requestTimeoutText}' characters`,
        'too_large',
      );
    }
    try {
      const timeout = parseDuration(text);
      if (this.#known.size >= TEXTS_KEPT) this.#known.clear();
      this.#known.set(text, timeout);
      return timeout;
    } catch (error) {
      if (!(error instanceof DurationSyntaxError)) throw error;
      throw invalid(
        errorText`request timeout is invalid; ${verbatim(error.message)} - expected format: 900ms, 5m or 15m`,
      );
    }
  }
}

/**
 * Checks the range of a request's timeout.
 *
 * @param shortest the least allowed; undefined for a complete, which does not
 *   wait and has no lower bound.
 * @throws QueueError `invalid`.
 */
export function checkRequestTimeout(timeout: Duration, shortest?: Duration): void {
  if (timeout === 0n) {
    throw invalid("request timeout is required; '5m' is recommended, 15m is the maximum");
  }
  if (timeout > LONGEST_REQUEST_TIMEOUT) {
    throw invalid(
      errorText`request timeout is invalid; maximum timeout is '15m' but '${formatDuration(timeout)}' was requested`,
    );
  }
  if (shortest !== undefined && timeout < shortest) {
    throw invalid(
      errorText`request timeout is invalid; minimum timeout is '10ms' but '${formatDuration(timeout)}' was requested`,
    );
  }
}
