import type { ReplyBody } from './reply-body.ts';
import { ReplySyntaxError } from './reply-syntax-error.ts';

/** The longest line with the size of a chunk, and the longest line after the last chunk. */
const LONGEST_LINE = 4_096;
/** The most bytes of lines after the last chunk. */
const MOST_TRAILERS = 16_384;
/** A size in hexadecimal, perhaps with extensions, which are ignored. */
const SIZE_LINE = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/;

/** What comes next: a chunk's size, its content, the end of its line, or lines after the last chunk. */
type Part = 'size' | 'content' | 'end of chunk' | 'trailers' | 'nothing';

/** A body in chunks, as proxies send it that do not know its length. */
export class ChunkedBody implements ReplyBody {
  readonly endsWithConnection = false;
  readonly #pieces: Buffer[] = [];
  #part: Part = 'size';
  /** The bytes left of the current chunk. */
  #left = 0;
  /** The beginning of a line whose end has not arrived. */
  #line = '';
  #trailerBytes = 0;

  get isComplete(): boolean {
    return this.#part === 'nothing';
  }

  take(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length && this.#part !== 'nothing') {
      at += this.#part === 'content' ? this.#takeContent(bytes, at) : this.#takeLine(bytes, at);
    }
    return at;
  }

  content(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  #takeContent(bytes: Buffer, at: number): number {
    const taken = Math.min(bytes.length - at, this.#left);
    this.#pieces.push(bytes.subarray(at, at + taken));
    this.#left -= taken;
    if (this.#left === 0) this.#part = 'end of chunk';
    return taken;
  }

  #takeLine(bytes: Buffer, at: number): number {
    const feed = bytes.indexOf(0x0a, at);
    const end = feed < 0 ? bytes.length : feed + 1;
    this.#line += bytes.toString('latin1', at, end);
    if (this.#line.length > LONGEST_LINE) throw new ReplySyntaxError('a line of a chunked body is too long');
    if (feed >= 0) {
      const line = this.#line;
      this.#line = '';
      if (!line.endsWith('\r\n')) throw new ReplySyntaxError('a line of a chunked body has no end');
      this.#part = this.#after(line.slice(0, -2));
    }
    return end - at;
  }

  /** What comes after a line. */
  #after(line: string): Part {
    if (this.#part === 'size') {
      const [, size] = SIZE_LINE.exec(line) ?? [];
      if (size === undefined) throw new ReplySyntaxError('the size of a chunk is not a number');
      this.#left = Number.parseInt(size, 16);
      return this.#left === 0 ? 'trailers' : 'content';
    }
    if (this.#part === 'end of chunk') {
      if (line !== '') throw new ReplySyntaxError('a chunk is longer than its size');
      return 'size';
    }
    if (line === '') return 'nothing';
    this.#trailerBytes += line.length;
    if (this.#trailerBytes > MOST_TRAILERS) throw new ReplySyntaxError('its trailers are too long');
    return 'trailers';
  }
}
