import { parseDuration } from '@querator/core';
import { usageError } from './command-error.ts';
import { duration } from './flags.ts';

/**
 * The expire timeout of a queue that is created without one: 14 days, for every
 * lease timeout. An item without a lease is deleted at its expiry, so a short
 * default would delete work when consumers are late.
 */
export const DEFAULT_EXPIRE_TIMEOUT = '336h';

/**
 * The expire timeout of a queue with only a lease timeout.
 *
 * @throws CommandError if that is no duration, or is longer than the default.
 */
export function defaultExpireTimeout(leaseTimeout: string): string {
  if (duration('lease-timeout', leaseTimeout) > parseDuration(DEFAULT_EXPIRE_TIMEOUT)) {
    throw usageError(
      `lease-timeout ${leaseTimeout} is longer than the default expire-timeout of ` +
        `${DEFAULT_EXPIRE_TIMEOUT}; give an --expire-timeout that is at least as long`,
    );
  }
  return DEFAULT_EXPIRE_TIMEOUT;
}
