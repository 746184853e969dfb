import type { Random } from './random.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Bytes from 248 = 4 × 62 on are skipped: they would favour the first letters of the alphabet. */
const UNBIASED_BELOW = 248;

/** One call of the generator serves hundreds of ids. A call per id would cost more than the id itself. */
const POOL_BYTES = 16_384;

/** The operating system's random generator. */
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
