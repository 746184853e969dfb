import { type Instant, instantFromMicroseconds, UNSET_INSTANT } from '@querator/core';
import { LAST_INSTANT } from './instant-text.ts';
import { ProtocolError } from './message-limits.ts';

/** PostgreSQL counts from the start of the year 2000. */
const EPOCH_MICROSECONDS = 946_684_800_000_000n;
const MINUS_INFINITY = -(2n ** 63n);
const INFINITY = 2n ** 63n - 1n;

const NOTHING = Buffer.alloc(0);

/**
 * The fields of a row in PostgreSQL's binary format, read one after the other
 * in the order of the statement's columns. Each is read where it lies in what
 * the server sent, without a text or an object in between.
 */
export class BinaryRow {
  #bytes: Buffer = NOTHING;
  #at = 0;
  /** Behind the row. */
  #end = 0;
  /** The two halves of the last timestamp, and what it stands for. */
  #high = 0;
  #low = 0;
  #instant = instantOf(0n);

  /**
   * Turns to another row.
   *
   * @param at where the fields of its DataRow message begin.
   * @param end where the message ends.
   */
  turnTo(bytes: Buffer, at: number, end: number = bytes.length): void {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  /** Of type text; empty where it is null. */
  text(): string {
    const length = this.#length();
    if (length <= 0) return '';
    return this.#bytes.toString('utf8', this.#at, this.#past(length));
  }

  /** Of type integer, and not null. */
  int4(): number {
    this.#length();
    return this.#bytes.readInt32BE(this.#past(4) - 4);
  }

  /** Of type bytea; empty where it is null. The bytes stay where they are, beside those of other fields. */
  bytes(): Uint8Array {
    const length = this.#length();
    if (length <= 0) return new Uint8Array();
    const end = this.#past(length);
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + end - length, length);
  }

  /** Of type timestamptz; the time that is not set where it is null, or `-infinity`; the end of 9999 for `infinity`. */
  instant(): Instant {
    if (this.#length() < 0) return UNSET_INSTANT;
    const at = this.#past(8) - 8;
    const high = this.#bytes.readInt32BE(at);
    const low = this.#bytes.readInt32BE(at + 4);
    // The rows of a statement mostly have the same, and a bigint costs more than all the rest of the field.
    if (high !== this.#high || low !== this.#low) {
      this.#high = high;
      this.#low = low;
      this.#instant = instantOf(this.#bytes.readBigInt64BE(at));
    }
    return this.#instant;
  }

  /** Negative: the field is null. */
  #length(): number {
    return this.#bytes.readInt32BE(this.#past(4) - 4);
  }

  /**
   * Goes on behind so many bytes.
   *
   * @returns where that is.
   * @throws ProtocolError where the row has fewer: it is not the one that was asked for.
   */
  #past(length: number): number {
    this.#at += length;
    if (this.#at > this.#end) throw new ProtocolError('a row is not what the statement gives');
    return this.#at;
  }
}

/** @param microseconds as PostgreSQL counts them. */
function instantOf(microseconds: bigint): Instant {
  if (microseconds === MINUS_INFINITY) return UNSET_INSTANT;
  if (microseconds === INFINITY) return LAST_INSTANT;
  return instantFromMicroseconds(microseconds + EPOCH_MICROSECONDS);
}
