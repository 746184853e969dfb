import { isUtf8 } from 'node:buffer';
import { errorText, invalid } from '@querator/core';
import { ELEMENT_LIMIT, tooManyElements } from '../fields/element-limit.ts';
import type { FieldTable, MessageTable } from '../fields/field-table.ts';
import type { Timestamp } from '../gen/google/protobuf/timestamp.ts';
import { isTimestampInRange, timestampOutOfRange } from '../time/wire-time.ts';
import { malformedWire } from './wire-error.ts';

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const START_GROUP = 3;
const END_GROUP = 4;
const FIXED_32 = 5;

/** The deepest nesting of unknown groups. */
const GROUP_DEPTH_LIMIT = 100;

/** Up to this length, a loop in JavaScript is faster than a call into the runtime. */
const SHORT_TEXT = 12;

const TWO_TO_32 = 0x1_0000_0000;

type Fields = Record<string, unknown>;

/**
 * Reads a protobuf message by its field table. It is stricter than protobuf
 * decoders usually are: lengths never exceed the enclosing message, and texts
 * must be UTF-8. Errors name the field.
 *
 * Unknown fields are ignored, and so are known fields with another wire type. If
 * a field appears twice, the last value wins; lists and maps grow.
 *
 * @throws QueueError `content` for malformed bytes. `invalid` with the name of the
 *   field for a text that is not UTF-8, a time outside the years 1 to 9999, or too
 *   many elements.
 */
export function readWire(body: Uint8Array, table: MessageTable): object {
  return new WireReader(body).message(table, 0, body.length);
}

class WireReader {
  readonly #body: Uint8Array;
  /** The same bytes, for decoding texts. */
  readonly #buffer: Buffer;
  #position = 0;
  /** The number of list elements so far. */
  #elements = 0;
  /** The upper 32 bits of the last varint. */
  #high = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#buffer = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  }

  message(table: MessageTable, start: number, end: number): Fields {
    const message = table.create();
    this.#position = start;
    while (this.#position < end) {
      const tag = this.#tag(end);
      const field = table.byNumber[tag >>> 3];
      if (field === undefined) this.#skip(tag, end, GROUP_DEPTH_LIMIT);
      else if ((tag & 7) === LENGTH_DELIMITED) this.#delimited(message, field, end);
      else if ((tag & 7) === VARINT) this.#number(message, field, end);
      else this.#skip(tag, end, GROUP_DEPTH_LIMIT);
    }
    return message;
  }

  #number(message: Fields, field: FieldTable, end: number): void {
    const low = this.#varint(end);
    if (field.kind === 'int32') message[field.name] = low | 0;
    else if (field.kind === 'bool') message[field.name] = low !== 0 || this.#high !== 0;
  }

  #delimited(message: Fields, field: FieldTable, end: number): void {
    const valueEnd = this.#length(end);
    const value = this.#value(message, field, this.#position, valueEnd);
    this.#position = valueEnd;
    if (value === undefined) return;
    if (field.repeated) (message[field.name] as unknown[]).push(value);
    else message[field.name] = value;
  }

  /** @returns the value; undefined if there is nothing to set. */
  #value(message: Fields, field: FieldTable, start: number, end: number): unknown {
    if (field.repeated && ++this.#elements > ELEMENT_LIMIT) throw tooManyElements(field);
    switch (field.kind) {
      case 'string':
        return this.#text(field, start, end);
      case 'bytes':
        return this.#body.subarray(start, end);
      case 'message':
        return this.message(field.message as MessageTable, start, end);
      case 'timestamp':
        return this.#timestamp(field, end);
      case 'map':
        this.#mapEntry(message[field.name] as Map<string, string>, field, end);
        return undefined;
      default:
        // A number with a length is ignored like an unknown field.
        return undefined;
    }
  }

  #text(field: FieldTable, start: number, end: number): string {
    const body = this.#body;
    for (let i = start; i < end; i++) {
      if ((body[i] as number) > 0x7f) return this.#unicode(field, start, end);
    }
    if (end - start > SHORT_TEXT) return this.#buffer.toString('latin1', start, end);
    const codes = new Array<number>(end - start);
    for (let i = start; i < end; i++) codes[i - start] = body[i] as number;
    return String.fromCharCode(...codes);
  }

  #unicode(field: FieldTable, start: number, end: number): string {
    if (!isUtf8(this.#body.subarray(start, end))) {
      throw invalid(errorText`${field.jsonName} is invalid; must be valid UTF-8`);
    }
    return this.#buffer.toString('utf8', start, end);
  }

  /** Ignores bits of its numbers beyond the 64th, unlike {@link #number}. */
  #timestamp(field: FieldTable, end: number): Timestamp {
    let seconds = 0;
    let nanos = 0;
    while (this.#position < end) {
      const tag = this.#tag(end);
      if (tag === 0x08) {
        const low = this.#varint(end, 0x7f);
        seconds = this.#high * TWO_TO_32 + low;
      } else if (tag === 0x10) nanos = this.#varint(end, 0x7f) | 0;
      else this.#skip(tag, end, GROUP_DEPTH_LIMIT);
    }
    if (!isTimestampInRange(seconds, nanos)) throw timestampOutOfRange(field.jsonName);
    return { seconds, nanos };
  }

  /** Reads an entry of a map from text to text. The API has no other maps. */
  #mapEntry(map: Map<string, string>, field: FieldTable, end: number): void {
    let key = '';
    let value = '';
    while (this.#position < end) {
      const tag = this.#tag(end);
      if ((tag & 7) !== LENGTH_DELIMITED) {
        this.#skip(tag, end, GROUP_DEPTH_LIMIT);
        continue;
      }
      const textEnd = this.#length(end);
      if (tag >>> 3 === 1) key = this.#text(field, this.#position, textEnd);
      else if (tag >>> 3 === 2) value = this.#text(field, this.#position, textEnd);
      this.#position = textEnd;
    }
    map.set(key, value);
  }

  #tag(end: number): number {
    const first = this.#body[this.#position] as number;
    const isShort = first < 0x80 && this.#position < end;
    const tag = isShort ? first : this.#varint32(end);
    if (isShort) this.#position++;
    // Field numbers run from 1 to 2^29 − 1.
    if (tag < 8) throw malformedWire();
    return tag;
  }

  /** Reads a length. @returns the end of what it counts, which is not beyond `end`. */
  #length(end: number): number {
    const length = this.#varint32(end);
    const valueEnd = this.#position + length;
    if (valueEnd > end) throw malformedWire();
    return valueEnd;
  }

  /** Reads a tag or a length: a varint that must fit into 32 bits. */
  #varint32(end: number): number {
    const body = this.#body;
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.#position >= end) throw malformedWire();
      const byte = body[this.#position++] as number;
      if (shift === 28 && byte > 0x0f) throw malformedWire();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw malformedWire();
  }

  /**
   * Reads a varint of up to 64 bits.
   *
   * @param greatestTenth the greatest tenth byte, which has only one bit of the 64.
   * @returns the lower 32 bits; `#high` has the others, signed.
   */
  #varint(end: number, greatestTenth = 1): number {
    const body = this.#body;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#position >= end) throw malformedWire();
      const byte = body[this.#position++] as number;
      if (shift === 63 && byte > greatestTenth) throw malformedWire();
      const bits = byte & 0x7f;
      if (shift < 32) low |= bits << shift;
      if (shift === 28) high = bits >>> 4;
      else if (shift > 28) high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.#high = high;
        return low >>> 0;
      }
    }
    throw malformedWire();
  }

  #skip(tag: number, end: number, depth: number): void {
    switch (tag & 7) {
      case VARINT:
        this.#varint(end);
        return;
      case FIXED_64:
        this.#advance(8, end);
        return;
      case FIXED_32:
        this.#advance(4, end);
        return;
      case LENGTH_DELIMITED:
        this.#position = this.#length(end);
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

  #advance(length: number, end: number): void {
    this.#position += length;
    if (this.#position > end) throw malformedWire();
  }
}
