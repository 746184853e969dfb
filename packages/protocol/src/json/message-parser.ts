import { errorText, invalid, type QueueError } from '@querator/core';
import type { ElementCounter } from '../fields/element-limit.ts';
import type { FieldTable, MessageTable } from '../fields/field-table.ts';
import { TEXT_LIMIT, textTooLong } from '../fields/text-limit.ts';
import { parseTimestamp } from '../time/wire-time.ts';
import { decodeBase64 } from './base64.ts';
import { REPLACEMENT } from './decode-text.ts';
import { parseInt32, parseInt64 } from './integers.ts';
import type { LongText } from './long-text.ts';
import type { Scanner } from './scanner.ts';

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;
const QUOTE = 0x22;

export type Fields = Record<string, unknown>;

/**
 * Parses messages in protobuf JSON. The fields of the message bound the depth of
 * nesting: an unknown field is an error before its value is read.
 */
export class MessageParser {
  readonly #scanner: Scanner;
  readonly #elements: ElementCounter;
  /** Strings that were split off the text, in order. */
  readonly #longTexts: LongText[];
  /** The last copy of each field, by number. */
  readonly #copies: string[] = [];
  /** Whether some U+FFFD of the text stands for bytes that were not UTF-8. */
  hasInvalidBytes = false;

  constructor(scanner: Scanner, elements: ElementCounter, longTexts: LongText[] = []) {
    this.#scanner = scanner;
    this.#elements = elements;
    this.#longTexts = longTexts;
  }

  /** @throws QueueError `content` if anything but white space follows. */
  end(): void {
    if (!this.#scanner.isAtEnd()) throw this.#scanner.unexpected();
  }

  /** Parses a message, the outermost one or one in a field. */
  message(table: MessageTable): Fields {
    const scanner = this.#scanner;
    const message = table.create();
    scanner.expect(OPEN_BRACE);
    if (scanner.take(CLOSE_BRACE)) return message;
    // One bit per field: no message has more than 31 fields.
    let seen = 0;
    do {
      const index = this.fieldIndex(table, seen);
      seen |= 1 << index;
      if (scanner.takeWord('null')) continue;
      const field = table.fields[index] as FieldTable;
      message[field.name] = field.repeated ? this.#list(field) : this.value(field);
    } while (scanner.take(COMMA));
    scanner.expect(CLOSE_BRACE);
    return message;
  }

  /**
   * Consumes the name of a field and its colon.
   *
   * @param seen one bit for each field of the message that came before.
   */
  fieldIndex(table: MessageTable, seen: number): number {
    const scanner = this.#scanner;
    scanner.peek();
    const start = scanner.position;
    const name = scanner.takeString();
    if (name === undefined) throw scanner.unexpected();
    const index = table.byJsonName.get(name);
    if (index === undefined) throw scanner.fault(start, `unknown field ${scanner.shown(start)}`);
    if ((seen & (1 << index)) !== 0) throw scanner.fault(start, `duplicate field ${scanner.shown(start)}`);
    scanner.expect(COLON);
    return index;
  }

  #list(field: FieldTable): unknown[] {
    const scanner = this.#scanner;
    const values: unknown[] = [];
    scanner.expect(OPEN_BRACKET);
    if (scanner.take(CLOSE_BRACKET)) return values;
    do this.element(field, values);
    while (scanner.take(COMMA));
    scanner.expect(CLOSE_BRACKET);
    return values;
  }

  /** Parses one element of a list, or skips it if there are too many. */
  element(field: FieldTable, values: unknown[]): void {
    if (this.#elements.admits(field)) values.push(this.value(field));
    else this.#skip();
  }

  #skip(): void {
    const scanner = this.#scanner;
    if (!scanner.skipValue()) throw scanner.unexpected();
  }

  /** Parses a value of a field that is no list, or one element of a list. */
  value(field: FieldTable): unknown {
    switch (field.kind) {
      case 'string':
        return this.#string(field);
      case 'int32':
        return this.#integer(field, parseInt32);
      case 'int64':
        return this.#integer(field, parseInt64);
      case 'bool':
        return this.#bool(field);
      case 'bytes':
        return this.#bytes(field);
      case 'timestamp':
        return this.#fromString(field, parseTimestamp);
      case 'message':
        return this.message(field.message as MessageTable);
      case 'map':
        return this.#map(field);
    }
  }

  #string(field: FieldTable): string {
    const scanner = this.#scanner;
    scanner.peek();
    const start = scanner.position;
    const value = scanner.takeString() ?? this.#longString(field);
    if (value === undefined) throw this.#wrongValue(field, start);
    if (this.hasInvalidBytes && value.includes(REPLACEMENT)) throw notUtf8(field);
    if (!value.isWellFormed()) throw this.#wrongValue(field, start);
    return scanner.keeps(value) ? this.#copyOf(field, value) : value;
  }

  /**
   * A copy of a part of the text, with memory of its own: V8 makes the part keep
   * all of the text. Many items have the same encoding and kind.
   */
  #copyOf(field: FieldTable, part: string): string {
    const last = this.#copies[field.number];
    if (last === part) return last;
    const copy = ` ${part}`.slice(1);
    this.#copies[field.number] = copy;
    return copy;
  }

  /** The string that was split off here, if one was. */
  #longString(field: FieldTable): string | undefined {
    const text = this.#takeLongText();
    if (text === undefined) return undefined;
    if (text.hasInvalidBytes) throw notUtf8(field);
    if (text.length > TEXT_LIMIT) throw textTooLong(field);
    const value = text.join();
    if (Buffer.byteLength(value) > TEXT_LIMIT) throw textTooLong(field);
    return value;
  }

  #takeLongText(): LongText | undefined {
    return this.#scanner.takeSplitOff() ? this.#longTexts.shift() : undefined;
  }

  #bytes(field: FieldTable): Uint8Array {
    const scanner = this.#scanner;
    scanner.peek();
    const start = scanner.position;
    const text = scanner.takeString();
    const bytes =
      text === undefined ? decodeBase64(...(this.#takeLongText()?.parts ?? ['!'])) : decodeBase64(text);
    if (bytes === undefined) throw this.#wrongValue(field, start);
    return bytes;
  }

  #integer(field: FieldTable, parse: (text: string) => number | undefined): number {
    const scanner = this.#scanner;
    const quoted = scanner.peek() === QUOTE;
    const start = scanner.position;
    const text = quoted ? scanner.takeString() : scanner.takeNumber();
    const value = text === undefined ? undefined : parse(text);
    if (value === undefined) throw this.#wrongValue(field, start);
    return value;
  }

  #bool(field: FieldTable): boolean {
    const scanner = this.#scanner;
    if (scanner.takeWord('true')) return true;
    if (scanner.takeWord('false')) return false;
    throw this.#wrongValue(field, scanner.position);
  }

  #fromString<T>(field: FieldTable, parse: (text: string) => T | undefined): T {
    const scanner = this.#scanner;
    scanner.peek();
    const start = scanner.position;
    const text = scanner.takeString();
    const value = text === undefined ? undefined : parse(text);
    if (value === undefined) throw this.#wrongValue(field, start);
    return value;
  }

  /** Reads a map from text to text. The API has no other maps. */
  #map(field: FieldTable): Map<string, string> {
    const scanner = this.#scanner;
    const entries = new Map<string, string>();
    scanner.expect(OPEN_BRACE);
    if (scanner.take(CLOSE_BRACE)) return entries;
    do {
      this.#elements.countEntry(field);
      scanner.peek();
      const start = scanner.position;
      const key = this.#string(field);
      if (entries.has(key)) throw scanner.fault(start, `duplicate map key ${scanner.shown(start)}`);
      scanner.expect(COLON);
      entries.set(key, this.#string(field));
    } while (scanner.take(COMMA));
    scanner.expect(CLOSE_BRACE);
    return entries;
  }

  #wrongValue(field: FieldTable, at: number): Error {
    const scanner = this.#scanner;
    return scanner.fault(at, `invalid value for ${field.kind} field ${field.jsonName}: ${scanner.shown(at)}`);
  }
}

function notUtf8(field: FieldTable): QueueError {
  return invalid(errorText`${field.jsonName} is invalid; must be valid UTF-8`);
}
