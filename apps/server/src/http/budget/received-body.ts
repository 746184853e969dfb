import { overloaded } from '@querator/core';
import { bodyTooLarge } from '@querator/protocol';
import type { MemoryShare } from './memory-budget.ts';

/** The first buffer of a body that comes in pieces. */
const FIRST_BYTES = 1_024;
/** A buffer with more than this part of it unused is copied at the end of the body. */
const MOST_UNUSED = 1 / 4;

const EMPTY = new Uint8Array(0);

/**
 * A body while it arrives, and its bytes in the budget. A body that arrives in
 * one piece is that piece. Further pieces are copied into one buffer, which
 * doubles: a million pieces cost no more than their bytes.
 */
export class ReceivedBody {
  readonly #share: MemoryShare;
  readonly #limit: number;
  #bytes: Uint8Array = EMPTY;
  #length = 0;
  /** Whether `#bytes` is a buffer of this object, and not the first piece. */
  #isOwn = false;
  #held = 0;

  /** @param limit of the body, in bytes. */
  constructor(share: MemoryShare, limit: number) {
    this.#share = share;
    this.#limit = limit;
  }

  /** The bytes that have arrived. */
  get length(): number {
    return this.#length;
  }

  /** The bytes that the body holds in the budget. */
  get held(): number {
    return this.#held;
  }

  /**
   * Adds a piece.
   *
   * @throws QueueError `invalid` if the body becomes too long, `retry` if the
   *   budget has no room for it. The body is as before then.
   */
  add(piece: Uint8Array): void {
    const length = this.#length + piece.length;
    if (length > this.#limit) throw bodyTooLarge(this.#limit);
    if (!this.#share.take(piece.length, this.#held)) throw overloaded();
    this.#held += piece.length;
    if (this.#length === 0) this.#bytes = piece;
    else this.#append(piece, length);
    this.#length = length;
  }

  /** The whole body. Its bytes stay in the budget until `release`. Call it once, at the end. */
  take(): Uint8Array {
    const bytes = this.#bytes;
    this.#bytes = EMPTY;
    if (bytes.length === this.#length) return bytes;
    const body = bytes.subarray(0, this.#length);
    return this.#length < bytes.length * (1 - MOST_UNUSED) ? new Uint8Array(body) : body;
  }

  /** Drops the body, and returns its bytes to the budget. A second call has no effect. */
  release(): void {
    this.#bytes = EMPTY;
    this.#share.used -= this.#held;
    this.#held = 0;
  }

  #append(piece: Uint8Array, length: number): void {
    if (!this.#isOwn || length > this.#bytes.length) {
      const size = Math.min(Math.max(2 * length, FIRST_BYTES), this.#limit);
      // Not `allocUnsafe`: the pool of small buffers would stay in memory with the body.
      const grown = Buffer.allocUnsafeSlow(size);
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
      this.#isOwn = true;
    }
    this.#bytes.set(piece, this.#length);
  }
}
