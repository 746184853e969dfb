/** Makes up for the rounding of fractions. */
const ROUNDING = 1e-9;

/**
 * Limits a rate. Tokens come at the rate, up to those of one second, and each
 * request takes some. A request that needs more than those of one second is served
 * when the bucket is full, and later ones wait until its tokens have come.
 *
 * So in any period the requests take at most the tokens of the period and those of
 * one second, or of the greatest request if that needs more.
 */
export class TokenBucket {
  #perSecond: number;
  #tokens: number;
  #atMs: number;

  /** A full bucket. @param perSecond above 0. @param nowMs milliseconds that only grow. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#atMs = nowMs;
  }

  /** Changes the rate from now on. */
  setRate(perSecond: number, nowMs: number): void {
    if (perSecond === this.#perSecond) return;
    this.#refill(nowMs);
    this.#perSecond = perSecond;
    this.#tokens = Math.min(this.#tokens, perSecond);
  }

  /** How long a request for this many tokens has to wait, in milliseconds. 0: it may take them now. */
  waitMs(tokens: number, nowMs: number): number {
    this.#refill(nowMs);
    const needed = Math.min(tokens, this.#perSecond);
    if (this.#tokens + ROUNDING >= needed) return 0;
    return Math.ceil(((needed - this.#tokens - ROUNDING) / this.#perSecond) * 1_000);
  }

  /**
   * Takes tokens, whether they are there or not.
   *
   * @param mostSeconds a request that cannot be refused makes later ones wait for this long at most.
   */
  take(tokens: number, nowMs: number, mostSeconds = Number.POSITIVE_INFINITY): void {
    this.#refill(nowMs);
    const least = Math.min(this.#tokens, -mostSeconds * this.#perSecond);
    this.#tokens = Math.max(this.#tokens - tokens, least);
  }

  /** Whether nothing was taken that has not come back. */
  isFull(nowMs: number): boolean {
    this.#refill(nowMs);
    return this.#tokens >= this.#perSecond;
  }

  #refill(nowMs: number): void {
    const come = ((nowMs - this.#atMs) / 1_000) * this.#perSecond;
    this.#tokens = Math.min(this.#tokens + come, this.#perSecond);
    this.#atMs = nowMs;
  }
}
