import { BinaryWriter } from '@bufbuild/protobuf/wire';

const TWO_TO_28 = 0x1000_0000;

/**
 * The library's writer with a faster `int64`. The original converts the seconds
 * of a timestamp to BigInt, which costs more than the rest of a leased item.
 */
export class WireWriter extends BinaryWriter {
  readonly #longest: number;
  /** Whether a text or payload was longer than allowed. It was left out. */
  leftOut = false;

  /** @param longest the longest text or payload to write, in UTF-16 units or bytes. */
  constructor(longest: number = Number.POSITIVE_INFINITY) {
    super();
    this.#longest = longest;
  }

  override string(value: string): this {
    return value.length > this.#longest ? this.#leaveOut() : super.string(value);
  }

  override bytes(value: Uint8Array): this {
    return value.length > this.#longest ? this.#leaveOut() : super.bytes(value);
  }

  override int64(value: string | number | bigint): this {
    if (typeof value !== 'number' || value < 0 || !Number.isSafeInteger(value)) return super.int64(value);
    if (value < TWO_TO_28) return this.uint32(value);
    // Writes four groups of 7 bits with the continuation bit, then the remaining 25 bits at most.
    const low = value % TWO_TO_28;
    this.raw(
      Uint8Array.of(
        (low & 0x7f) | 0x80,
        ((low >>> 7) & 0x7f) | 0x80,
        ((low >>> 14) & 0x7f) | 0x80,
        ((low >>> 21) & 0x7f) | 0x80,
      ),
    );
    return this.uint32((value - low) / TWO_TO_28);
  }

  #leaveOut(): this {
    this.leftOut = true;
    return this.uint32(0);
  }
}
