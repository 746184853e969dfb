import type { Random } from './random.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Bytes from here on would favour the first letters of the alphabet: 248 = 4 × 62. */
const UNBIASED_BELOW = 248;

/** One call of the generator serves hundreds of ids; a call per id would cost more than the id. */
const POOL_BYTES = 16_384;

/** Randomness of the operating system. */
export class SystemRandom implements Random {
  readonly #pool = new Uint8Array(POOL_BYTES);
  #next = POOL_BYTES;

  base62(length: number): string {
    let text = '';
    while (text.length < length) {
      if (this.#next === POOL_BYTES) {
        crypto.getRandomValues(this.#pool);
        this.#next = 0;
      }
      const byte = this.#pool[this.#next++] as number;
      if (byte < UNBIASED_BELOW) text += ALPHABET[byte % 62];
    }
    return text;
  }

  fraction(): number {
    return Math.random();
  }
}
