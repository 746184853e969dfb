import {
  byteLength,
  type Duration,
  DurationSyntaxError,
  errorText,
  formatDuration,
  invalid,
  LIMITS,
  parseDuration,
  type QueueSettings,
  verbatim,
} from '@querator/core';

/** A queue's timeouts as text; empty: not given. */
export interface TimeoutTexts {
  readonly leaseTimeout: string;
  readonly expireTimeout: string;
}

/** A queue's timeouts as durations; 0: not given. */
export interface Timeouts {
  readonly leaseTimeout: Duration;
  readonly expireTimeout: Duration;
}

/**
 * Parses a queue's timeouts.
 *
 * @throws QueueError `invalid`.
 */
export function parseTimeouts({ leaseTimeout, expireTimeout }: TimeoutTexts): Timeouts {
  checkLength('lease timeout', leaseTimeout);
  checkLength('expire timeout', expireTimeout);
  const expire = parse('expire timeout', expireTimeout, '60m, 2h or 24h');
  const lease = parse('lease timeout', leaseTimeout, LEASE_TIMEOUTS);
  return { leaseTimeout: lease, expireTimeout: expire };
}

/**
 * Parses the lease timeout of one request.
 *
 * @throws QueueError `invalid`, also when it is missing.
 */
export function parseLeaseTimeout(text: string): Duration {
  const timeout = parseTimeout('lease timeout', text, LEASE_TIMEOUTS);
  checkTimeout('lease timeout', timeout);
  return timeout;
}

/**
 * Parses a duration of a request. Empty: 0.
 *
 * @throws QueueError `invalid`, naming the field.
 */
export function parseTimeout(field: string, text: string, examples: string): Duration {
  checkLength(field, text);
  return parse(field, text, examples);
}

/**
 * Parses how long a lease may be extended. Empty: without a bound.
 *
 * @throws QueueError `invalid`.
 */
export function parseMaxHold(text: string): Duration | undefined {
  if (text === '') return undefined;
  checkLength('max hold', text);
  const hold = parse('max hold', text, '30m, 2h or 24h');
  checkTimeout('max hold', hold);
  return hold;
}

const LEASE_TIMEOUTS = '8m, 15m or 1h';

function checkLength(field: string, text: string): void {
  if (byteLength(text) > LIMITS.timeoutText) {
    throw invalid(
      errorText`${field} is invalid; cannot be greater than '${LIMITS.timeoutText}' characters`,
      'too_large',
    );
  }
}

function parse(field: string, text: string, examples: string): Duration {
  if (text === '') return 0n as Duration;
  try {
    return parseDuration(text);
  } catch (error) {
    if (!(error instanceof DurationSyntaxError)) throw error;
    throw invalid(errorText`${field} is invalid; ${verbatim(error.message)} - expected format: ${examples}`);
  }
}

/**
 * Checks a queue's settings as they would be stored.
 *
 * @throws QueueError `invalid`.
 */
export function checkQueueSettings(settings: QueueSettings): void {
  const { reference, maxAttempts, requestedPartitions, leaseTimeout, expireTimeout } = settings;
  if (byteLength(reference) > LIMITS.queueReference) {
    throw invalid(
      errorText`reference field is invalid; cannot be greater than '${LIMITS.queueReference}' characters`,
      'too_large',
    );
  }
  if (reference.includes('\0'))
    throw invalid('reference field is invalid; cannot contain the character U+0000');
  if (maxAttempts > LIMITS.maxAttempts) {
    throw invalid(errorText`max attempts is invalid; cannot be greater than ${LIMITS.maxAttempts}`);
  }
  if (maxAttempts < 0) throw invalid('max attempts is invalid; cannot be negative number');
  if (requestedPartitions < 1) throw invalid('partitions is invalid; cannot be less than 1');
  if (requestedPartitions > LIMITS.partitions) {
    throw invalid(errorText`partitions is invalid; cannot be greater than ${LIMITS.partitions}`);
  }
  checkTimeout('lease timeout', leaseTimeout);
  checkTimeout('expire timeout', expireTimeout);
  checkLeaseTimeout(leaseTimeout, expireTimeout);
}

/** @throws QueueError `invalid` when a lease would outlast the expire timeout of its queue. */
export function checkLeaseTimeout(leaseTimeout: Duration, expireTimeout: Duration): void {
  if (leaseTimeout > expireTimeout) {
    throw invalid(
      errorText`lease timeout is too long; ${formatDuration(leaseTimeout)} cannot be greater than the expire timeout ${formatDuration(expireTimeout)}`,
    );
  }
}

const ONE_MICROSECOND = 1_000n;

/** Deadlines have microseconds, so a shorter timeout counts as empty. */
function checkTimeout(field: string, timeout: Duration): void {
  if (timeout > -ONE_MICROSECOND && timeout < ONE_MICROSECOND)
    throw invalid(errorText`${field} is invalid; cannot be empty`);
  if (timeout < 0n) throw invalid(errorText`${field} is invalid; cannot be negative`);
}
