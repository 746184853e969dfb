/** The figures of a rate limit. */
export interface RateLimit {
  /** What each key may take at once. */
  readonly burst: number;
  /** What it may take a second in the long run. */
  readonly perSecond: number;
  /** Keys that are remembered. Beyond, the one that has not taken for longest is forgotten. */
  readonly mostKeys: number;
}

interface Bucket {
  left: number;
  atMs: number;
}

/** Limits by key how often something may happen. */
export class LimitsByKey {
  readonly #limits: RateLimit;
  readonly #monotonicMs: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limits: RateLimit, monotonicMs: () => number) {
    this.#limits = limits;
    this.#monotonicMs = monotonicMs;
  }

  /** How long until the key may take one, in milliseconds. 0: it may now. */
  waitMs(key: string): number {
    const bucket = this.#current(key);
    if (bucket === undefined || bucket.left >= 1) return 0;
    return Math.ceil(((1 - bucket.left) / this.#limits.perSecond) * 1_000);
  }

  /** Takes one, if the key has one. */
  take(key: string): void {
    const bucket = this.#current(key) ?? { left: this.#limits.burst, atMs: this.#monotonicMs() };
    bucket.left = Math.max(bucket.left - 1, 0);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size <= this.#limits.mostKeys) return;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }

  #current(key: string): Bucket | undefined {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return undefined;
    const { burst, perSecond } = this.#limits;
    const nowMs = this.#monotonicMs();
    bucket.left = Math.min(bucket.left + ((nowMs - bucket.atMs) / 1_000) * perSecond, burst);
    bucket.atMs = nowMs;
    return bucket;
  }
}
