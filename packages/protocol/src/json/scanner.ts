import { ECHO_LENGTH, echo, errorText, QueueError, verbatim } from '@querator/core';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LINE_FEED = 0x0a;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /[A-Za-z0-9_.+-]+/y;

/** Characters that are invalid in a string, or start an escape. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern must match control characters
export const UNUSUAL = /[\u0000-\u001f\\]/;

/** Takes the place of a string in a text that was split off: see `JsonPieces`. No JSON contains it. */
export const SPLIT_OFF = '\u0001';
const SPLIT_OFF_CODE = SPLIT_OFF.charCodeAt(0);

/** Up to this length, in characters, a text may be kept in memory by a part of it. */
const SMALL_TEXT = 4_096;
/** V8 copies shorter parts of a text by itself. */
const LEAST_PART = 13;

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
  text: string;
  position = 0;
  /** Says where in a large body an error is, instead of line and column. */
  readonly #whereabouts: (() => string) | undefined;

  constructor(text: string, whereabouts?: () => string) {
    this.text = text;
    this.#whereabouts = whereabouts;
  }

  /** Whether only white space is left. Consumes it. */
  isAtEnd(): boolean {
    return Number.isNaN(this.peek());
  }

  /** Goes on with the next piece of the body. */
  proceed(text: string): void {
    this.text = text;
    this.position = 0;
  }

  /** Consumes the mark of a string that was split off, if that is the next token. */
  takeSplitOff(): boolean {
    return this.take(SPLIT_OFF_CODE);
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
   * not a string. The result may contain lone surrogates from escapes. It may
   * keep all of the text in memory: see {@link keeps}.
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

  /** Whether a part of the text may keep much more in memory than itself. */
  keeps(part: string): boolean {
    return part.length >= LEAST_PART && this.text.length > SMALL_TEXT;
  }

  /** Consumes a value of any kind, and looks only for its end. Returns whether there was one. */
  skipValue(): boolean {
    const first = this.peek();
    if (first === QUOTE) return this.#skipString();
    if (first === SPLIT_OFF_CODE) return this.takeSplitOff();
    if (!isOpening(first)) return this.#skipWord();
    let depth = 0;
    do {
      const code = this.peek();
      if (code === QUOTE) this.#skipString();
      else if (Number.isNaN(code)) throw this.unexpected();
      else {
        if (isOpening(code)) depth++;
        else if (isClosing(code)) depth--;
        this.position++;
      }
    } while (depth > 0);
    return true;
  }

  #skipString(): boolean {
    for (let at = this.position + 1; at < this.text.length; at++) {
      const code = this.text.charCodeAt(at);
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) {
        this.position = at + 1;
        return true;
      }
    }
    throw this.unexpected();
  }

  #skipWord(): boolean {
    WORD.lastIndex = this.position;
    const word = WORD.exec(this.text)?.[0];
    if (word === undefined) return false;
    this.position += word.length;
    return true;
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

  /** Line and column, counted from 1; of a large body what its reader says. */
  place(position: number): string {
    if (this.#whereabouts !== undefined) return this.#whereabouts();
    let line = 1;
    let lineStart = 0;
    for (let at = 0; at < position; at++) {
      if (this.text.charCodeAt(at) !== LINE_FEED) continue;
      line++;
      lineStart = at + 1;
    }
    return `(line ${line}:${position - lineStart + 1})`;
  }

  /** The text of the token at `position`, shortened for a message. */
  shown(position: number): string {
    const text = this.text.slice(position, position + SHOWN_UNITS);
    if (text.startsWith(SPLIT_OFF)) return 'a long string';
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

function isOpening(code: number): boolean {
  return code === OPEN_BRACE || code === OPEN_BRACKET;
}

function isClosing(code: number): boolean {
  return code === CLOSE_BRACE || code === CLOSE_BRACKET;
}
