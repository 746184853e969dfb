import { ElementCounter, type ElementRule } from '../fields/element-limit.ts';
import type { FieldTable, MessageTable } from '../fields/field-table.ts';
import { decodeText } from './decode-text.ts';
import { JsonPieces } from './json-pieces.ts';
import { type Fields, MessageParser } from './message-parser.ts';
import { Scanner } from './scanner.ts';

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/** Bytes of a large body that are split between two pauses. */
const SPLIT_BYTES = 1_048_576;

/**
 * Reads a message in protobuf JSON.
 *
 * @throws QueueError `content`; or `invalid` for text that is not UTF-8, and for
 *   too many elements.
 */
export function parseJson(body: Uint8Array | string, table: MessageTable, rule?: ElementRule): object {
  const { text, hasInvalidBytes } =
    typeof body === 'string' ? { text: body, hasInvalidBytes: false } : decodeText(body);
  const parser = new MessageParser(new Scanner(withoutMark(text)), new ElementCounter(rule));
  parser.hasInvalidBytes = hasInvalidBytes;
  const message = parser.message(table);
  parser.end();
  return message;
}

/** Some programs write a byte order mark before every text. */
function withoutMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/**
 * Reads a large message in protobuf JSON, piece by piece, with pauses in between.
 * Errors name no line.
 *
 * @param pause lets other work run.
 * @throws as {@link parseJson} does; and QueueError `invalid` for a text beyond
 *   `TEXT_LIMIT`.
 */
export function parseLargeJson(
  body: Uint8Array,
  table: MessageTable,
  pause: () => Promise<void>,
  rule?: ElementRule,
): Promise<object> {
  return new LargeParser(body, pause, rule).message(table);
}

class LargeParser {
  readonly #pieces: JsonPieces;
  readonly #pause: () => Promise<void>;
  readonly #scanner: Scanner;
  readonly #parser: MessageParser;
  #field: FieldTable | undefined;
  #elements: readonly unknown[] | undefined;

  constructor(body: Uint8Array, pause: () => Promise<void>, rule: ElementRule | undefined) {
    this.#pieces = new JsonPieces(body);
    this.#pause = pause;
    this.#scanner = new Scanner('', () => this.#place());
    this.#parser = new MessageParser(this.#scanner, new ElementCounter(rule), this.#pieces.longTexts);
  }

  /** As `MessageParser.message`, for the outermost message. */
  async message(table: MessageTable): Promise<Fields> {
    const [scanner, parser] = [this.#scanner, this.#parser];
    const message = table.create();
    await this.#proceed();
    scanner.expect(OPEN_BRACE);
    if (!scanner.take(CLOSE_BRACE)) {
      let seen = 0;
      do {
        const index = parser.fieldIndex(table, seen);
        seen |= 1 << index;
        if (scanner.takeWord('null')) continue;
        const field = table.fields[index] as FieldTable;
        this.#field = field;
        this.#elements = undefined;
        message[field.name] = field.repeated ? await this.#list(field) : parser.value(field);
      } while (scanner.take(COMMA));
      scanner.expect(CLOSE_BRACE);
    }
    parser.end();
    return message;
  }

  async #list(field: FieldTable): Promise<unknown[]> {
    const scanner = this.#scanner;
    const values: unknown[] = [];
    this.#elements = values;
    scanner.expect(OPEN_BRACKET);
    if (scanner.take(CLOSE_BRACKET)) return values;
    do {
      this.#parser.element(field, values);
      if (scanner.isAtEnd() && !this.#pieces.isDone) await this.#proceed();
    } while (scanner.take(COMMA));
    scanner.expect(CLOSE_BRACKET);
    return values;
  }

  /** Where an error is. */
  #place(): string {
    if (this.#field === undefined) return '(at the start)';
    const element = this.#elements === undefined ? '' : `, element ${this.#elements.length}`;
    return `(in ${this.#field.jsonName}${element})`;
  }

  /** Takes the next piece of the body. */
  async #proceed(): Promise<void> {
    for (;;) {
      await this.#pause();
      const piece = this.#pieces.read(SPLIT_BYTES);
      if (piece === undefined) continue;
      this.#parser.hasInvalidBytes = piece.hasInvalidBytes;
      this.#scanner.proceed(piece.text);
      return;
    }
  }
}
