import { isUtf8 } from 'node:buffer';
import { invalid } from '@querator/core';
import { ELEMENT_LIMIT, tooManyElements } from '../element-limit.ts';
import type { FieldTable, MessageTable } from '../field-table.ts';
import { isTimestampInRange, timestampOutOfRange } from '../wire-time.ts';
import { malformedWire } from './wire-error.ts';

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const FIXED_32 = 5;

/** Unknown groups may nest; nobody has reason to nest them deeper. */
const GROUP_DEPTH_LIMIT = 100;

/**
 * Makes sure that `body` is a message of that type, before it is decoded. The
 * generated decoder takes what it gets: it stops at a zero tag, lets an inner
 * message reach beyond its end, and puts U+FFFD for what is not UTF-8. Here
 * everything is walked once, strictly, and where a value is wrong its field is
 * at hand to be named.
 *
 * @throws QueueError `content` for malformed bytes; `invalid`, naming the
 *   field, for a text that is not UTF-8, a time outside the years 1 to 9999, or
 *   too many elements.
 */
export function checkWire(body: Uint8Array, table: MessageTable): void {
  new WireCheck(body).message(table, 0, body.length);
}

class WireCheck {
  readonly #body: Uint8Array;
  #position = 0;
  /** Of lists, so far. */
  #elements = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  message(table: MessageTable, start: number, end: number): void {
    this.#position = start;
    while (this.#position < end) {
      const tag = this.#tag(end);
      const field = table.byNumber[tag >>> 3];
      if ((tag & 7) !== LENGTH_DELIMITED) {
        this.#skip(tag, end, GROUP_DEPTH_LIMIT);
        continue;
      }
      const length = this.#varint32(end);
      const valueStart = this.#position;
      const valueEnd = valueStart + length;
      if (valueEnd > end) throw malformedWire();
      if (field !== undefined) this.#value(field, valueStart, valueEnd);
      this.#position = valueEnd;
    }
  }

  #value(field: FieldTable, start: number, end: number): void {
    if (field.repeated && ++this.#elements > ELEMENT_LIMIT) throw tooManyElements(field);
    switch (field.kind) {
      case 'string':
        if (!this.#isText(start, end)) throw invalid(`${field.jsonName} is invalid; must be valid UTF-8`);
        break;
      case 'message':
        if (field.message !== undefined) this.message(field.message, start, end);
        break;
      case 'timestamp':
        this.#timestamp(field, start, end);
        break;
      case 'map':
        this.#mapEntry(field, start, end);
        break;
      default:
        // Bytes may be anything; a number written as bytes is passed over like an unknown field.
        break;
    }
  }

  #isText(start: number, end: number): boolean {
    for (let i = start; i < end; i++) {
      if ((this.#body[i] as number) > 0x7f) return isUtf8(this.#body.subarray(i, end));
    }
    return true;
  }

  #timestamp(field: FieldTable, start: number, end: number): void {
    this.#position = start;
    let seconds = 0n;
    let nanos = 0n;
    while (this.#position < end) {
      const tag = this.#tag(end);
      if (tag === 0x08) seconds = this.#varint64(end);
      else if (tag === 0x10) nanos = this.#varint64(end);
      else this.#skip(tag, end, GROUP_DEPTH_LIMIT);
    }
    if (!isTimestampInRange(Number(BigInt.asIntN(64, seconds)), Number(BigInt.asIntN(32, nanos)))) {
      throw timestampOutOfRange(field.jsonName);
    }
  }

  /** Key and value are both texts (the only map there is). */
  #mapEntry(field: FieldTable, start: number, end: number): void {
    this.#position = start;
    while (this.#position < end) {
      const tag = this.#tag(end);
      if ((tag & 7) !== LENGTH_DELIMITED) {
        this.#skip(tag, end, GROUP_DEPTH_LIMIT);
        continue;
      }
      const valueEnd = this.#varint32(end) + this.#position;
      if (valueEnd > end) throw malformedWire();
      if (tag >>> 3 <= 2) this.#value({ ...field, kind: 'string' }, this.#position, valueEnd);
      this.#position = valueEnd;
    }
  }

  #tag(end: number): number {
    const first = this.#body[this.#position] as number;
    if (first < 0x80 && this.#position < end) {
      if (first < 8) throw malformedWire();
      this.#position++;
      return first;
    }
    const tag = this.#varint32(end);
    // Field number 0 does not exist, and none is above 2^29 − 1.
    if (tag < 8) throw malformedWire();
    return tag;
  }

  /** A varint that must fit 32 bits: a tag or a length. */
  #varint32(end: number): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.#position >= end) throw malformedWire();
      const byte = this.#body[this.#position++] as number;
      if (shift === 28 && byte > 0x0f) throw malformedWire();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw malformedWire();
  }

  #varint64(end: number): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.#position >= end) throw malformedWire();
      const byte = this.#body[this.#position++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw malformedWire();
  }

  #skip(tag: number, end: number, depth: number): void {
    switch (tag & 7) {
      case VARINT:
        this.#skipVarint(end);
        return;
      case FIXED_64:
        this.#advance(8, end);
        return;
      case FIXED_32:
        this.#advance(4, end);
        return;
      case LENGTH_DELIMITED:
        this.#advance(this.#varint32(end), end);
        return;
      case START_GROUP:
        this.#skipGroup(tag, end, depth);
        return;
      default:
        throw malformedWire();
    }
  }

  #skipGroup(start: number, end: number, depth: number): void {
    if (depth === 0) throw malformedWire();
    for (;;) {
      const tag = this.#tag(end);
      if ((tag & 7) === END_GROUP) {
        if (tag >>> 3 !== start >>> 3) throw malformedWire();
        return;
      }
      this.#skip(tag, end, depth - 1);
    }
  }

  #skipVarint(end: number): void {
    for (let count = 0; count < 10; count++) {
      if (this.#position >= end) throw malformedWire();
      const byte = this.#body[this.#position++] as number;
      if (byte < 0x80) {
        // The tenth byte holds the last bit of 64.
        if (count === 9 && byte > 1) throw malformedWire();
        return;
      }
    }
    throw malformedWire();
  }

  #advance(length: number, end: number): void {
    this.#position += length;
    if (this.#position > end) throw malformedWire();
  }
}
