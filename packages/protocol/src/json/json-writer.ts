const INITIAL_BYTES = 512;
/** Up to this length, a loop in JavaScript is faster than a call into the runtime. */
const SHORT_TEXT = 96;
const SHORT_BYTES = 768;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BASE64 = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const PADDING = 0x3d;

/**
 * Writes JSON tokens directly into bytes. Most of a reply is short ASCII. Building
 * strings and encoding them afterwards took twice as long
 * (docs/adr/0002-protobuf-generator.md).
 */
export class JsonWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #position = 0;

  /** The number of written bytes. */
  get length(): number {
    return this.#position;
  }

  /** Returns the written bytes and ends the writer's use. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#position);
  }

  /** Returns the written bytes and begins anew. */
  take(): Uint8Array {
    const bytes = this.finish();
    this.#bytes = Buffer.allocUnsafe(INITIAL_BYTES);
    this.#position = 0;
    return bytes;
  }

  /** Writes one ASCII character. */
  character(code: number): void {
    this.#reserve(1);
    this.#bytes[this.#position++] = code;
  }

  /** Writes ASCII without quotes, such as a number. */
  plain(text: string): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[this.#position++] = text.charCodeAt(i);
  }

  /** Writes raw bytes from an offset on. */
  raw(source: Uint8Array, from: number): void {
    this.#reserve(source.length);
    const target = this.#bytes;
    let position = this.#position;
    for (let i = from; i < source.length; i++) target[position++] = source[i] as number;
    this.#position = position;
  }

  /** Writes a string in quotes. Lone surrogates become U+FFFD. */
  string(text: string): void {
    if (text.length > SHORT_TEXT || !this.#shortAscii(text)) this.#anyString(text);
  }

  /** Writes bytes as a string of padded standard base64. */
  base64(source: Uint8Array): void {
    this.#reserve(4 * Math.ceil(source.length / 3) + 2);
    this.#bytes[this.#position++] = QUOTE;
    if (source.length <= SHORT_BYTES) {
      this.#shortBase64(source);
    } else {
      const view = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
      this.#position += this.#bytes.write(view.toString('base64'), this.#position, 'latin1');
    }
    this.#bytes[this.#position++] = QUOTE;
  }

  #shortAscii(text: string): boolean {
    this.#reserve(text.length + 2);
    const target = this.#bytes;
    let position = this.#position;
    target[position++] = QUOTE;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return false;
      target[position++] = code;
    }
    target[position++] = QUOTE;
    this.#position = position;
    return true;
  }

  #anyString(text: string): void {
    const quoted = JSON.stringify(text.toWellFormed());
    this.#reserve(quoted.length * 3);
    this.#position += this.#bytes.write(quoted, this.#position, 'utf8');
  }

  #shortBase64(source: Uint8Array): void {
    const target = this.#bytes;
    const rest = source.length % 3;
    const whole = source.length - rest;
    let position = this.#position;
    for (let i = 0; i < whole; i += 3) {
      const group =
        ((source[i] as number) << 16) | ((source[i + 1] as number) << 8) | (source[i + 2] as number);
      target[position++] = BASE64[group >>> 18] as number;
      target[position++] = BASE64[(group >>> 12) & 63] as number;
      target[position++] = BASE64[(group >>> 6) & 63] as number;
      target[position++] = BASE64[group & 63] as number;
    }
    if (rest !== 0) {
      const second = rest === 2 ? (source[whole + 1] as number) : 0;
      const group = ((source[whole] as number) << 16) | (second << 8);
      target[position++] = BASE64[group >>> 18] as number;
      target[position++] = BASE64[(group >>> 12) & 63] as number;
      target[position++] = rest === 2 ? (BASE64[(group >>> 6) & 63] as number) : PADDING;
      target[position++] = PADDING;
    }
    this.#position = position;
  }

  #reserve(count: number): void {
    const needed = this.#position + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#position);
    this.#bytes = grown;
  }
}
