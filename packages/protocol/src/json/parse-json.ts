import { errorText, invalid } from '@querator/core';
import { ELEMENT_LIMIT, tooManyElements } from '../fields/element-limit.ts';
import type { FieldTable, MessageTable } from '../fields/field-table.ts';
import { parseTimestamp } from '../time/wire-time.ts';
import { decodeBase64 } from './base64.ts';
import { decodeText, REPLACEMENT } from './decode-text.ts';
import { parseInt32 } from './int32.ts';
import { Scanner } from './scanner.ts';

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;
const QUOTE = 0x22;

/**
 * Reads a message in protobuf JSON. The message's fields bound the depth of
 * nesting: an unknown field is an error before its value is read.
 *
 * @throws QueueError `content`; or `invalid` for text that is not UTF-8, and for
 *   too many elements.
 */
export function parseJson(body: Uint8Array | string, table: MessageTable): object {
  const { text, hasInvalidBytes } =
    typeof body === 'string' ? { text: withoutMark(body), hasInvalidBytes: false } : decodeText(body);
  const parser = new MessageParser(text, hasInvalidBytes);
  const message = parser.message(table);
  parser.end();
  return message;
}

/** A decoder skips a byte order mark. A text from elsewhere may still have it. */
function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

type Fields = Record<string, unknown>;

class MessageParser {
  readonly #scanner: Scanner;
  readonly #hasInvalidBytes: boolean;
  /** The number of list elements so far. */
  #elements = 0;

  constructor(text: string, hasInvalidBytes: boolean) {
    this.#scanner = new Scanner(text);
    this.#hasInvalidBytes = hasInvalidBytes;
  }

  end(): void {
    if (!Number.isNaN(this.#scanner.peek())) throw this.#scanner.unexpected();
  }

  message(table: MessageTable): Fields {
    const scanner = this.#scanner;
    const message = table.create();
    scanner.expect(OPEN_BRACE);
    if (scanner.take(CLOSE_BRACE)) return message;
    // One bit per field: no message has more than 31 fields.
    let seen = 0;
    do {
      scanner.peek();
      const nameStart = scanner.position;
      const index = this.#fieldIndex(table);
      const bit = 1 << index;
      if ((seen & bit) !== 0) throw scanner.fault(nameStart, `duplicate field ${scanner.shown(nameStart)}`);
      seen |= bit;
      scanner.expect(COLON);
      const field = table.fields[index] as FieldTable;
      if (scanner.takeWord('null')) continue;
      message[field.name] = field.repeated ? this.#list(field) : this.#value(field);
    } while (scanner.take(COMMA));
    scanner.expect(CLOSE_BRACE);
    return message;
  }

  #fieldIndex(table: MessageTable): number {
    const scanner = this.#scanner;
    const start = scanner.position;
    const name = scanner.takeString();
    if (name === undefined) throw scanner.unexpected();
    const index = table.byJsonName.get(name);
    if (index === undefined) throw scanner.fault(start, `unknown field ${scanner.shown(start)}`);
    return index;
  }

  #list(field: FieldTable): unknown[] {
    const scanner = this.#scanner;
    const values: unknown[] = [];
    scanner.expect(OPEN_BRACKET);
    if (scanner.take(CLOSE_BRACKET)) return values;
    do {
      if (++this.#elements > ELEMENT_LIMIT) throw tooManyElements(field);
      values.push(this.#value(field));
    } while (scanner.take(COMMA));
    scanner.expect(CLOSE_BRACKET);
    return values;
  }

  #value(field: FieldTable): unknown {
    switch (field.kind) {
      case 'string':
        return this.#string(field);
      case 'int32':
        return this.#int32(field);
      case 'bool':
        return this.#bool(field);
      case 'bytes':
        return this.#fromString(field, decodeBase64);
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
    const value = scanner.takeString();
    if (value === undefined) throw this.#wrongValue(field, start);
    if (this.#hasInvalidBytes && value.includes(REPLACEMENT)) {
      throw invalid(errorText`${field.jsonName} is invalid; must be valid UTF-8`);
    }
    if (!value.isWellFormed()) throw this.#wrongValue(field, start);
    return value;
  }

  #int32(field: FieldTable): number {
    const scanner = this.#scanner;
    const quoted = scanner.peek() === QUOTE;
    const start = scanner.position;
    const text = quoted ? scanner.takeString() : scanner.takeNumber();
    const value = text === undefined ? undefined : parseInt32(text);
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

  /** Reads a map from text to text. `Reply.details` is the only one. */
  #map(field: FieldTable): Map<string, string> {
    const scanner = this.#scanner;
    const entries = new Map<string, string>();
    scanner.expect(OPEN_BRACE);
    if (scanner.take(CLOSE_BRACE)) return entries;
    do {
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
