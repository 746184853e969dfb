import { errorText, QueueError } from '@querator/core';
import { type DecodedText, decodeText } from './decode-text.ts';
import { type LongText, LongTextBuilder } from './long-text.ts';
import { SPLIT_OFF } from './scanner.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const LETTER_U = 0x75;

/** Bytes after which a piece ends at the next element. */
const PIECE_BYTES = 262_144;
/** Bytes without an end of an element. No message of the API gets near it. */
const ELEMENT_BYTES = 4_194_304;
/** Strings of more bytes are split off. */
const LONG_STRING = 65_536;
/** Bytes of a string that are decoded at a time. */
const STRING_PART = 524_288;
/** White space of more bytes is left out. */
const LONG_BLANK = 256;
/** Numbers and other words of more bytes are refused. */
const LONG_WORD = 65_536;
/** The deepest nesting. The messages of the API have three levels. */
const DEPTH_LIMIT = 100;

/**
 * Splits a large JSON body into pieces that a parser reads in a few milliseconds
 * each. A piece ends between two elements of a list of the outermost message.
 * Long strings are split off and decoded in parts, and long white space is left
 * out. What the body means is the parser's business: a body that is no JSON is
 * split somehow, and the parser refuses it.
 */
export class JsonPieces {
  readonly #body: Uint8Array;
  #position = 0;
  #depth = 0;
  /** Whether the value at depth 2 is a list. */
  #inList = false;
  /** The start of the bytes that are not in `#texts` yet. */
  #from = 0;
  #texts: string[] = [];
  #pieceStart = 0;
  /** Bytes of the piece that are in `#texts`. */
  #kept = 0;
  /** Where the current blank or word starts; −1: there is none. */
  #blankStart = -1;
  #wordStart = -1;
  /** Where the current string starts, after its quote; −1: not in a string. */
  #stringStart = -1;
  /** The byte after the last escape. */
  #escapeEnd = 0;
  #long: LongTextBuilder | undefined;
  #isDone = false;
  /** Whether some bytes of the piece were not UTF-8. */
  #hasInvalidBytes = false;

  /** The long strings of the last piece, in order. */
  readonly longTexts: LongText[] = [];

  constructor(body: Uint8Array) {
    this.#body = hasMark(body) ? body.subarray(3) : body;
  }

  /** Whether the last piece was taken. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * Goes through the next bytes.
   *
   * @returns the next piece, if it is complete.
   * @throws QueueError `content` for a body that cannot be a message.
   */
  read(budget: number): DecodedText | undefined {
    const body = this.#body;
    const end = Math.min(body.length, this.#position + budget);
    let at = this.#position;
    while (at < end) {
      if (this.#stringStart >= 0) at = this.#string(at, end);
      else if (this.#outside(at, body[at] as number)) return this.#piece(at);
      else at++;
    }
    this.#position = at;
    if (at < body.length) return undefined;
    this.#isDone = true;
    return this.#piece(at);
  }

  /** Reads one byte outside of strings. @returns whether a piece ends before it. */
  #outside(at: number, code: number): boolean {
    if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      if (this.#blankStart < 0) this.#blankStart = at;
      this.#wordStart = -1;
      return false;
    }
    if (this.#blankStart >= 0) this.#endBlank(at);
    switch (code) {
      case QUOTE:
        this.#stringStart = at + 1;
        this.#escapeEnd = at + 1;
        break;
      case OPEN_BRACKET:
      case OPEN_BRACE:
        if (++this.#depth > DEPTH_LIMIT) throw malformed('values are nested too deeply');
        if (this.#depth === 2) this.#inList = code === OPEN_BRACKET;
        break;
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        this.#depth--;
        break;
      case COMMA:
        if (this.#depth !== 2 || !this.#inList) break;
        if (at - this.#pieceStart >= PIECE_BYTES) return true;
        break;
      default:
        if (code < 0x20) throw malformed('unexpected token');
        if (this.#wordStart < 0) this.#wordStart = at;
        if (at - this.#wordStart > LONG_WORD) throw malformed('a word is too long');
        return false;
    }
    this.#wordStart = -1;
    if (this.#kept + at - this.#from > ELEMENT_BYTES) throw malformed('an element is too long');
    return false;
  }

  /** Reads bytes within a string. @returns the position after them. */
  #string(from: number, end: number): number {
    const body = this.#body;
    let at = from;
    while (at < end) {
      const code = body[at] as number;
      if (code === QUOTE) {
        this.#endString(at);
        return at + 1;
      }
      if (at - this.#stringStart >= STRING_PART && at >= this.#escapeEnd && (code & 0xc0) !== 0x80) {
        this.#splitOff(at);
      }
      if (code === BACKSLASH) {
        this.#escapeEnd = at + (body[at + 1] === LETTER_U ? 6 : 2);
        at++;
      }
      at++;
    }
    return at;
  }

  #endString(at: number): void {
    if (this.#long !== undefined || at - this.#stringStart > LONG_STRING) {
      this.#splitOff(at);
      this.longTexts.push((this.#long as unknown as LongTextBuilder).finish());
      this.#long = undefined;
      this.#texts.push(SPLIT_OFF);
      this.#from = at + 1;
    }
    this.#stringStart = -1;
  }

  /** Decodes the current string up to a position. */
  #splitOff(at: number): void {
    if (this.#long === undefined) {
      this.#keep(this.#stringStart - 1);
      this.#long = new LongTextBuilder();
    }
    if (!this.#long.add(this.#body.subarray(this.#stringStart, at))) throw malformed('invalid string');
    this.#stringStart = at;
    this.#from = at;
  }

  #endBlank(at: number): void {
    if (at - this.#blankStart > LONG_BLANK) {
      this.#keep(this.#blankStart);
      this.#from = at;
    }
    this.#blankStart = -1;
  }

  /** Decodes the bytes of the piece up to a position. */
  #keep(end: number): void {
    if (end <= this.#from) return;
    const { text, hasInvalidBytes } = decodeText(this.#body.subarray(this.#from, end));
    if (hasInvalidBytes) this.#hasInvalidBytes = true;
    this.#texts.push(text);
    this.#kept += end - this.#from;
    this.#from = end;
  }

  #piece(at: number): DecodedText {
    this.#position = at;
    if (this.#blankStart >= 0) this.#endBlank(at);
    this.#keep(at);
    this.#from = at;
    const piece = { text: this.#texts.join(''), hasInvalidBytes: this.#hasInvalidBytes };
    this.#texts = [];
    this.#hasInvalidBytes = false;
    this.#pieceStart = at;
    this.#kept = 0;
    return piece;
  }
}

/** Whether the body starts with a byte order mark. */
function hasMark(body: Uint8Array): boolean {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
}

function malformed(words: string): QueueError {
  return new QueueError('content', errorText`proto: syntax error: ${words}`);
}
