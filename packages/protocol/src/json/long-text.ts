import { decodeText } from './decode-text.ts';
import { UNUSUAL } from './scanner.ts';

/** The parts of base64 have whole groups, so that each can be decoded by itself. */
const GROUP = 4;

/** A long string of a body, in parts whose lengths are multiples of 4, except for the last. */
export class LongText {
  readonly parts: readonly string[];
  /** Whether some of its bytes were not UTF-8. */
  readonly hasInvalidBytes: boolean;

  constructor(parts: readonly string[], hasInvalidBytes: boolean) {
    this.parts = parts;
    this.hasInvalidBytes = hasInvalidBytes;
  }

  /** In UTF-16 units. */
  get length(): number {
    return this.parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** All of the text. V8 puts the parts together when the text is first read. */
  join(): string {
    return this.parts.reduce((text, part) => text + part, '');
  }
}

/** Decodes and unescapes a long string, some bytes at a time. */
export class LongTextBuilder {
  readonly #parts: string[] = [];
  #hasInvalidBytes = false;
  /** The end of the last part, which does not fill a group. */
  #rest = '';

  /**
   * @param bytes the next ones. They end neither within a character nor within an escape.
   * @returns false if they cannot be part of a JSON string.
   */
  add(bytes: Uint8Array): boolean {
    const { text, hasInvalidBytes } = decodeText(bytes);
    if (hasInvalidBytes) this.#hasInvalidBytes = true;
    const value = UNUSUAL.test(text) ? unescaped(text) : text;
    if (value === undefined) return false;
    const whole = this.#rest + value;
    const end = whole.length - (whole.length % GROUP);
    this.#parts.push(whole.slice(0, end));
    this.#rest = whole.slice(end);
    return true;
  }

  finish(): LongText {
    if (this.#rest !== '') this.#parts.push(this.#rest);
    return new LongText(this.#parts, this.#hasInvalidBytes);
  }
}

function unescaped(text: string): string | undefined {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return undefined;
  }
}
