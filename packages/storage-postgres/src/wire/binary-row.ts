import { type Instant, instantFromMicroseconds, UNSET_INSTANT } from '@querator/core';
import { LAST_INSTANT } from './instant-text.ts';
import { ProtocolError } from './message-limits.ts';

/** PostgreSQL counts from the year 2000. */
const EPOCH_MICROSECONDS = 946_684_800_000_000n;
const MINUS_INFINITY = -(2n ** 63n);
const INFINITY = 2n ** 63n - 1n;

const NOTHING = Buffer.alloc(0);

/**
 * Reads the fields of a row in PostgreSQL's binary format, in the order of the
 * statement's columns. Reads them where they lie in the received bytes, without
 * intermediate texts or objects.
 */
export class BinaryRow {
  #bytes: Buffer = NOTHING;
  #at = 0;
  /** The end of the row. */
  #end = 0;
  /** The two halves of the last timestamp, and its instant. */
  #high = 0;
  #low = 0;
  #instant = instantOf(0n);

  /**
   * Moves to another row.
   *
   * @param at where the fields of its DataRow message begin.
   * @param end where the message ends.
   */
  turnTo(bytes: Buffer, at: number, end: number = bytes.length): void {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  /** A field of type text. Empty if it is null. */
  text(): string {
    const length = this.#length();
    if (length <= 0) return '';
    return this.#bytes.toString('utf8', this.#at, this.#past(length));
  }

  /** A field of type integer that is not null. */
  int4(): number {
    this.#length();
    return this.#bytes.readInt32BE(this.#past(4) - 4);
  }

  /** A field of type bytea. Empty if it is null. The bytes share their memory with other fields. */
  bytes(): Uint8Array {
    const length = this.#length();
    if (length <= 0) return new Uint8Array();
    const end = this.#past(length);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + end - length, length);
  }

  /**
   * A field of type timestamptz. Null and `-infinity` are the unset instant;
   * `infinity` is the end of the year 9999.
   */
  instant(): Instant {
    if (this.#length() < 0) return UNSET_INSTANT;
    const at = this.#past(8) - 8;
    const high = this.#bytes.readInt32BE(at);
    const low = this.#bytes.readInt32BE(at + 4);
    // The rows of a statement mostly share a timestamp. Creating a bigint costs more
    // than the rest of the field.
    if (high !== this.#high || low !== this.#low) {
      this.#high = high;
      this.#low = low;
      this.#instant = instantOf(this.#bytes.readBigInt64BE(at));
    }
    return this.#instant;
  }

  /** Negative if the field is null. */
  #length(): number {
    return this.#bytes.readInt32BE(this.#past(4) - 4);
  }

  /**
   * Moves past this many bytes.
   *
   * @returns the new position.
   * @throws ProtocolError when the row is shorter: it does not match the statement.
   */
  #past(length: number): number {
    this.#at += length;
    if (this.#at > this.#end) throw new ProtocolError('a row is not what the statement gives');
    return this.#at;
  }
}

/** @param microseconds since PostgreSQL's epoch. */
function instantOf(microseconds: bigint): Instant {
  if (microseconds === MINUS_INFINITY) return UNSET_INSTANT;
  if (microseconds === INFINITY) return LAST_INSTANT;
  return instantFromMicroseconds(microseconds + EPOCH_MICROSECONDS);
}
