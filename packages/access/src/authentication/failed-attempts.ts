import { QueueError } from '@querator/core';

/** Unknown keys that an address may send at once. */
const BURST = 20;
/** Unknown keys a second that it may send in the long run. */
const PER_SECOND = 2;
/** Addresses that are remembered. Beyond, the one that was not heard of for longest is forgotten. */
const MOST_ADDRESSES = 10_000;
/** The groups of an IPv6 address that name a network. A user has a whole network. */
const NETWORK_GROUPS = 4;

interface Attempts {
  left: number;
  atMs: number;
}

/**
 * Limits how many unknown keys an address may try. Keys that this process has
 * found valid before are not counted.
 */
export class FailedAttempts {
  readonly #monotonicMs: () => number;
  readonly #attempts = new Map<string, Attempts>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** @throws QueueError `limited` if an address has tried too many unknown keys. */
  check(address: string): void {
    const attempts = this.#current(networkOf(address));
    if (attempts === undefined || attempts.left >= 1) return;
    const retryAfterMs = Math.ceil(((1 - attempts.left) / PER_SECOND) * 1_000);
    throw new QueueError('limited', 'too many requests with unknown api keys; try again later', {
      reason: 'over_limit',
      retryAfterMs,
    });
  }

  /** Counts an unknown key. */
  failed(address: string): void {
    const network = networkOf(address);
    const attempts = this.#current(network) ?? { left: BURST, atMs: this.#monotonicMs() };
    attempts.left = Math.max(attempts.left - 1, 0);
    this.#attempts.delete(network);
    this.#attempts.set(network, attempts);
    if (this.#attempts.size <= MOST_ADDRESSES) return;
    const [oldest] = this.#attempts.keys();
    if (oldest !== undefined) this.#attempts.delete(oldest);
  }

  #current(network: string): Attempts | undefined {
    const attempts = this.#attempts.get(network);
    if (attempts === undefined) return undefined;
    const nowMs = this.#monotonicMs();
    attempts.left = Math.min(attempts.left + ((nowMs - attempts.atMs) / 1_000) * PER_SECOND, BURST);
    attempts.atMs = nowMs;
    return attempts;
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
