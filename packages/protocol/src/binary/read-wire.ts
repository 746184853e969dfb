import { isUtf8 } from 'node:buffer';
import { errorText, invalid } from '@querator/core';
import { ELEMENT_LIMIT, type ElementRule, tooManyElements } from '../fields/element-limit.ts';
import type { FieldTable, MessageTable } from '../fields/field-table.ts';
import { TEXT_LIMIT, textTooLong } from '../fields/text-limit.ts';
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

/** Up to this length, in bytes, a body may be kept in memory by a part of it. */
const SMALL_BODY = 4_096;

/** The most fields of an inner message, and of all unknown groups in it. Those of the API have 15 at most. */
const INNER_FIELDS = 10_000;
/** The most bytes of a timestamp. All of its fields take 22. */
const TIMESTAMP_BYTES = 64;
/** Fields and bytes of a large message that are read between two pauses. */
const FIELDS_AT_ONCE = 50_000;
const BYTES_AT_ONCE = 1_048_576;

const TWO_TO_32 = 0x1_0000_0000;

type Fields = Record<string, unknown>;

/**
 * Reads a protobuf message by its field table. It is stricter than protobuf
 * decoders usually are: lengths never exceed the enclosing message, and texts
 * must be UTF-8. Errors name the field.
 *
 * `bytes` fields are views on the body, unless they are less than half of it.
 *
 * Unknown fields are ignored, and so are known fields with another wire type. If
 * a field appears twice, the last value wins; lists and maps grow.
 *
 * @throws QueueError `content` for malformed bytes, and for an inner message of more
 *   than 10,000 fields, unknown ones included. `invalid` with the name of the
 *   field for a text that is not UTF-8, a time outside the years 1 to 9999, or too
 *   many elements.
 */
export function readWire(body: Uint8Array, table: MessageTable, rule?: ElementRule): object {
  const reader = new WireReader(body, rule);
  const message = reader.message(table, 0, body.length);
  reader.copyFewBytes();
  return message;
}

/**
 * As {@link readWire}, with pauses in between.
 *
 * @param pause lets other work run.
 * @throws as `readWire` does; and QueueError `invalid` for a text beyond
 *   `TEXT_LIMIT`.
 */
export async function readLargeWire(
  body: Uint8Array,
  table: MessageTable,
  pause: () => Promise<void>,
  rule?: ElementRule,
): Promise<object> {
  const reader = new WireReader(body, rule);
  const message = await reader.largeMessage(table, pause);
  reader.copyFewBytes();
  return message;
}

class WireReader {
  readonly #body: Uint8Array;
  /** The same bytes, for decoding texts. */
  readonly #buffer: Buffer;
  readonly #rule: ElementRule | undefined;
  readonly #elementLimit: number;
  /** The number of list elements so far. */
  #elements = 0;
  /** The number of map entries so far. */
  #entries = 0;
  #position = 0;
  /** The number of fields in unknown groups of the current field of the outermost message. */
  #groupFields = 0;
  #groupFieldLimit = Number.POSITIVE_INFINITY;
  /** Whether `bytes` fields are tracked, because the body is more than a small one. */
  readonly #isTracking: boolean;
  /** The messages with views on the body, and the bytes of all views. */
  #viewers: Fields[] | undefined;
  #viewedBytes = 0;
  /** The upper 32 bits of the last varint. */
  #high = 0;

  constructor(body: Uint8Array, rule: ElementRule | undefined) {
    this.#body = body;
    this.#rule = rule;
    this.#elementLimit = rule?.limit ?? ELEMENT_LIMIT;
    this.#isTracking = body.length > SMALL_BODY;
    this.#buffer = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  }

  message(table: MessageTable, start: number, end: number): Fields {
    const message = table.create();
    this.#position = start;
    if (end - start > TEXT_LIMIT) this.#checkTexts(table, end);
    let fields = 0;
    while (this.#position < end) {
      // The loop of #field, because the call of a method takes a tenth of a small request.
      const tag = this.#tag(end);
      const field = table.byNumber[tag >>> 3];
      if (field === undefined) this.#skip(tag, end, GROUP_DEPTH_LIMIT);
      else if ((tag & 7) === LENGTH_DELIMITED) this.#delimited(message, field, end);
      else if ((tag & 7) === VARINT) this.#number(message, field, end);
      else this.#skip(tag, end, GROUP_DEPTH_LIMIT);
      if (++fields > INNER_FIELDS && start > 0) throw malformedWire();
    }
    return message;
  }

  /** As {@link message}, for the outermost message. */
  async largeMessage(table: MessageTable, pause: () => Promise<void>): Promise<Fields> {
    const message = table.create();
    const end = this.#body.length;
    this.#groupFieldLimit = INNER_FIELDS;
    let [paused, fields] = [0, 0];
    while (this.#position < end) {
      this.#groupFields = 0;
      this.#field(message, table, end);
      if (++fields < FIELDS_AT_ONCE && this.#position - paused < BYTES_AT_ONCE) continue;
      await pause();
      [paused, fields] = [this.#position, 0];
    }
    return message;
  }

  /**
   * Copies the `bytes` fields if they are few, so that they do not keep the body
   * in memory.
   */
  copyFewBytes(): void {
    if (!this.#isTracking || this.#viewedBytes > this.#body.length / 2) return;
    for (const message of this.#viewers ?? []) {
      for (const [name, value] of Object.entries(message)) {
        // `slice` of a Buffer is a view.
        if (value instanceof Uint8Array) message[name] = new Uint8Array(value);
      }
    }
  }

  /** Looks for texts beyond the limit among the fields from the current position on, which stays. */
  #checkTexts(table: MessageTable, end: number): void {
    const start = this.#position;
    for (let fields = 0; this.#position < end && fields <= INNER_FIELDS; fields++) {
      const tag = this.#tag(end);
      this.#checkText(table.byNumber[tag >>> 3], tag, end);
      this.#skip(tag, end, GROUP_DEPTH_LIMIT);
    }
    this.#position = start;
  }

  #checkText(field: FieldTable | undefined, tag: number, end: number): void {
    if (field?.kind !== 'string' || (tag & 7) !== LENGTH_DELIMITED) return;
    const start = this.#position;
    if (this.#length(end) - this.#position > TEXT_LIMIT) throw textTooLong(field);
    this.#position = start;
  }

  #field(message: Fields, table: MessageTable, end: number): void {
    const tag = this.#tag(end);
    const field = table.byNumber[tag >>> 3];
    this.#checkText(field, tag, end);
    if (field === undefined) this.#skip(tag, end, GROUP_DEPTH_LIMIT);
    else if ((tag & 7) === LENGTH_DELIMITED) this.#delimited(message, field, end);
    else if ((tag & 7) === VARINT) this.#number(message, field, end);
    else this.#skip(tag, end, GROUP_DEPTH_LIMIT);
  }

  #number(message: Fields, field: FieldTable, end: number): void {
    const low = this.#varint(end);
    if (field.kind === 'int32') message[field.name] = low | 0;
    else if (field.kind === 'bool') message[field.name] = low !== 0 || this.#high !== 0;
    else if (field.kind === 'int64') message[field.name] = this.#safeInteger(field, low);
  }

  /** @param low the lower 32 bits of the last varint. */
  #safeInteger(field: FieldTable, low: number): number {
    const value = this.#high * TWO_TO_32 + low;
    if (Number.isSafeInteger(value)) return value;
    throw invalid(errorText`${field.jsonName} is invalid; cannot be greater than ${Number.MAX_SAFE_INTEGER}`);
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
    if (field.repeated && ++this.#elements > this.#elementLimit) return this.#countOnly(field);
    switch (field.kind) {
      case 'string':
        return this.#text(field, start, end);
      case 'bytes':
        return this.#bytes(message, field, start, end);
      case 'message':
        return this.message(field.message as MessageTable, start, end);
      case 'timestamp':
        return this.#timestamp(field, end);
      case 'map':
        if (++this.#entries > ELEMENT_LIMIT) throw tooManyElements(field);
        this.#mapEntry(message[field.name] as Map<string, string>, field, end);
        return undefined;
      default:
        // A number with a length is ignored like an unknown field.
        return undefined;
    }
  }

  /** Skips an element beyond the limit. @throws QueueError `invalid` if no rule says to count it. */
  #countOnly(field: FieldTable): undefined {
    if (this.#rule === undefined) throw tooManyElements(field);
    this.#rule.report.elementsReceived = this.#elements;
  }

  #bytes(message: Fields, field: FieldTable, start: number, end: number): Uint8Array {
    const bytes = this.#body.subarray(start, end);
    if (this.#isTracking) {
      // A later value of the same field replaces this one.
      const replaced = message[field.name];
      if (replaced instanceof Uint8Array) this.#viewedBytes -= replaced.length;
      this.#viewedBytes += bytes.length;
      this.#viewers ??= [];
      this.#viewers.push(message);
    }
    return bytes;
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
    if (end - this.#position > TIMESTAMP_BYTES) throw malformedWire();
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
      if (++this.#groupFields > this.#groupFieldLimit) throw malformedWire();
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
