import { type Duration, formatDuration } from '@querator/core';
import { duration } from './flags.ts';

/** An item may live in its queue for so many leases, unless said otherwise. */
const LEASES_PER_LIFE = 60n;

/**
 * The expire timeout of a queue for which only a lease timeout was given.
 *
 * @throws CommandError when that is no duration.
 */
export function defaultExpireTimeout(leaseTimeout: string): string {
  return formatDuration((duration('lease-timeout', leaseTimeout) * LEASES_PER_LIFE) as Duration);
}
