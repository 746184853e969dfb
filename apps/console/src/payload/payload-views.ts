import { bytesOfBase64, textOf } from './bytes.ts';
import { hexLines } from './hex-lines.ts';
import { indentJson } from './indent-json.ts';
import { type ProtobufField, protobufFields } from './protobuf-fields.ts';

/** How a payload can be shown. */
export type PayloadView = 'text' | 'json' | 'fields' | 'hex';

/** More is only shown as a beginning: a browser lays out some MB of text for seconds. */
export const SHOWN_BYTES = 200_000;

/** A payload, and the ways in which it can be read. */
export class Payload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #encoding: string;

  /** @param base64 as replies have it. @param encoding as produced, a hint at the best view. */
  constructor(base64: string, encoding: string) {
    this.bytes = bytesOfBase64(base64);
    this.#encoding = encoding.toLowerCase();
  }

  /** The text, or undefined if the payload is not UTF-8. */
  get text(): string | undefined {
    return textOf(this.bytes);
  }

  /** The text as indented JSON, or undefined if it is none. */
  get json(): string | undefined {
    const { text } = this;
    return text === undefined ? undefined : indentJson(text);
  }

  /** The fields of a protobuf message, or undefined if it cannot be one. */
  get fields(): readonly ProtobufField[] | undefined {
    return protobufFields(this.bytes.subarray(0, SHOWN_BYTES));
  }

  /** The first bytes as hex. */
  get hex(): string {
    return hexLines(this.bytes.subarray(0, SHOWN_BYTES / 4));
  }

  /** The view that says most about this payload. */
  get best(): PayloadView {
    if (/protobuf|\bproto\b/.test(this.#encoding) && this.fields !== undefined) return 'fields';
    const { text } = this;
    if (text === undefined) return this.fields === undefined ? 'hex' : 'fields';
    return /^\s*[[{]/.test(text) && this.json !== undefined ? 'json' : 'text';
  }
}
