import type { Random } from '../random.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The same seed gives the same ids and the same jitter. Not for secrets. */
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

  /** Xorshift by Marsaglia (2003), 32 bits. */
  fraction(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state / 2 ** 32;
  }
}
