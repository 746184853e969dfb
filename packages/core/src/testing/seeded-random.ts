import type { Random } from '../random.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A random source for tests: one seed always gives the same ids and jitter. Not for secrets. */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed = 1) {
    this.#state = seed >>> 0 || 1;
  }

  base62(length: number): string {
    let text = '';
    for (let i = 0; i < length; i++) text += ALPHABET[Math.floor(this.fraction() * 62)];
    return text;
  }

  /** Marsaglia's 32-bit xorshift (2003). */
  fraction(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state / 2 ** 32;
  }
}
