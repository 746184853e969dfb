import { ECHO_LENGTH, echo, errorText, QueueError, verbatim } from '@querator/core';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /[A-Za-z0-9_.+-]+/y;

/** Characters that are invalid in a string, or start an escape. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern must match control characters
const UNUSUAL = /[\u0000-\u001f\\]/;

/** The units of a wrong token that matter to an error: one character more than it shows. */
const SHOWN_UNITS = 2 * ECHO_LENGTH + 2;

/**
 * Splits a JSON text into tokens. `JSON.parse` loses what protobuf's rules need:
 * duplicate keys, the digits of a number, the position of an error. It is used
 * only to unescape strings.
 *
 * The scanner has no stack: its caller knows the nesting.
 */
export class Scanner {
  readonly text: string;
  position = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The next character that is not white space; NaN at the end. Does not consume it. */
  peek(): number {
    for (;;) {
      const code = this.text.charCodeAt(this.position);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.position++;
    }
  }

  /** Consumes the character if it is the next token. */
  take(code: number): boolean {
    if (this.peek() !== code) return false;
    this.position++;
    return true;
  }

  /** Consumes the character. @throws QueueError `content` if it is not the next token. */
  expect(code: number): void {
    if (!this.take(code)) throw this.unexpected();
  }

  /** Consumes `null`, `true` or `false` if it is the next token. */
  takeWord(word: string): boolean {
    // The first letter nearly always decides.
    if (this.peek() !== word.charCodeAt(0) || !this.text.startsWith(word, this.position)) return false;
    WORD.lastIndex = this.position;
    if (WORD.exec(this.text)?.[0] !== word) return false;
    this.position += word.length;
    return true;
  }

  /** Consumes a number and returns its text; undefined if the next token is not a number. */
  takeNumber(): string | undefined {
    this.peek();
    NUMBER.lastIndex = this.position;
    const number = NUMBER.exec(this.text)?.[0];
    if (number === undefined) return undefined;
    WORD.lastIndex = this.position;
    if (WORD.exec(this.text)?.[0] !== number) throw this.unexpected();
    this.position += number.length;
    return number;
  }

  /**
   * Consumes a string and returns it unescaped; undefined if the next token is
   * not a string. The result may contain lone surrogates from escapes.
   *
   * @throws QueueError `content` if the string is malformed or does not end.
   */
  takeString(): string | undefined {
    if (this.peek() !== QUOTE) return undefined;
    const start = this.position + 1;
    // Searching for the quote first lets both searches run natively.
    const end = this.text.indexOf('"', start);
    if (end < 0) throw this.unexpected();
    const value = this.text.slice(start, end);
    const unusual = value.search(UNUSUAL);
    if (unusual < 0) {
      this.position = end + 1;
      return value;
    }
    if (value.charCodeAt(unusual) !== BACKSLASH) throw this.unexpected();
    return this.#escapedString(start, start + unusual);
  }

  #escapedString(start: number, firstEscape: number): string {
    let end = firstEscape;
    while (this.text.charCodeAt(end) !== QUOTE) {
      if (end >= this.text.length) throw this.unexpected();
      end += this.text.charCodeAt(end) === BACKSLASH ? 2 : 1;
    }
    try {
      const value: unknown = JSON.parse(this.text.slice(start - 1, end + 1));
      this.position = end + 1;
      return value as string;
    } catch {
      throw this.unexpected();
    }
  }

  /** The error for an unexpected next token. */
  unexpected(): QueueError {
    this.peek();
    return this.#error(
      `syntax error ${this.place(this.position)}: unexpected token ${this.shown(this.position)}`,
    );
  }

  /** The error for a value or name that starts at `position`, with the given text. */
  fault(position: number, words: string): QueueError {
    return this.#error(`${this.place(position)}: ${words}`);
  }

  #error(text: string): QueueError {
    return new QueueError('content', errorText`proto: ${verbatim(text)}`);
  }

  /** Line and column, counted from 1. */
  place(position: number): string {
    const before = this.text.slice(0, position);
    const lineStart = before.lastIndexOf('\n') + 1;
    return `(line ${before.split('\n').length}:${position - lineStart + 1})`;
  }

  /** The text of the token at `position`, shortened for a message. */
  shown(position: number): string {
    const text = this.text.slice(position, position + SHOWN_UNITS);
    WORD.lastIndex = 0;
    const word = WORD.exec(text)?.[0];
    const token = word ?? stringAtStart(text) ?? text.slice(0, 1);
    // The end of the token may be half a surrogate pair, but a reply must be well-formed.
    return echo(token).toWellFormed();
  }
}

/** The string that the text starts with, up to its first quote, or else all of the text. */
function stringAtStart(text: string): string | undefined {
  if (text.charCodeAt(0) !== QUOTE) return undefined;
  const end = text.indexOf('"', 1);
  return end < 0 ? text : text.slice(0, end + 1);
}
