import { QueueError } from '@querator/core';
import { LimitsByKey } from '../rules/limits-by-key.ts';

/** Unknown keys of an address. */
const LIMITS = { burst: 20, perSecond: 2, mostKeys: 10_000 };
/** The groups of an IPv6 address that name a network. A user has a whole network. */
const NETWORK_GROUPS = 4;

/**
 * Limits how many unknown keys an address may try. Keys that this process has
 * found valid before are not counted.
 */
export class FailedAttempts {
  readonly #limits: LimitsByKey;

  constructor(monotonicMs: () => number) {
    this.#limits = new LimitsByKey(LIMITS, monotonicMs);
  }

  /** @throws QueueError `limited` if an address has tried too many unknown keys. */
  check(address: string): void {
    const retryAfterMs = this.#limits.waitMs(networkOf(address));
    if (retryAfterMs === 0) return;
    throw new QueueError('limited', 'too many requests with unknown api keys; try again later', {
      reason: 'over_limit',
      retryAfterMs,
    });
  }

  /** Counts an unknown key. */
  failed(address: string): void {
    this.#limits.take(networkOf(address));
  }
}

/** The part of an address that counts. Copied: a slice would keep the text that it comes from. */
function networkOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [before = '', after] = address.split('::');
  const groups = before === '' ? [] : before.split(':');
  const missing = after === undefined ? 0 : 8 - groups.length - (after === '' ? 0 : after.split(':').length);
  return [...groups, ...Array<string>(Math.max(missing, 0)).fill('0'), ...(after ?? '').split(':')]
    .slice(0, NETWORK_GROUPS)
    .join(':');
}
