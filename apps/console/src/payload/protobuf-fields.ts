import { textOf } from './bytes.ts';

/** A field of a protobuf message, as far as it can be read without its definition. */
export interface ProtobufField {
  readonly number: number;
  /** How it is encoded: `varint`, `64 bits`, `32 bits`, `message`, `text` or `bytes`. */
  readonly type: 'varint' | '64 bits' | '32 bits' | 'message' | 'text' | 'bytes';
  /** The value for people: a number with all of its digits, a text, or hex. Empty for a message. */
  readonly value: string;
  /** Those of a message within. */
  readonly fields?: readonly ProtobufField[];
}

const MAX_DEPTH = 32;

/** Reads bytes as a protobuf message. @returns undefined if they cannot be one. */
export function protobufFields(bytes: Uint8Array, depth = 0): readonly ProtobufField[] | undefined {
  if (bytes.length === 0 || depth > MAX_DEPTH) return undefined;
  const reader = new Reader(bytes);
  const fields: ProtobufField[] = [];
  while (!reader.isAtEnd) {
    const field = readField(reader, depth);
    if (field === undefined) return undefined;
    fields.push(field);
  }
  return fields;
}

function readField(reader: Reader, depth: number): ProtobufField | undefined {
  const tag = reader.varint();
  if (tag === undefined || tag > 0xffff_ffffn) return undefined;
  const number = Number(tag >> 3n);
  if (number === 0) return undefined;
  switch (Number(tag & 7n)) {
    case 0: {
      const value = reader.varint();
      return value === undefined ? undefined : { number, type: 'varint', value: String(value) };
    }
    case 1:
      return fixed(reader.take(8), { number, type: '64 bits' });
    case 2:
      return delimited(reader, number, depth);
    case 5:
      return fixed(reader.take(4), { number, type: '32 bits' });
    default:
      return undefined;
  }
}

function delimited(reader: Reader, number: number, depth: number): ProtobufField | undefined {
  const length = reader.varint();
  const bytes = length === undefined || length > 0xffff_ffffn ? undefined : reader.take(Number(length));
  if (bytes === undefined) return undefined;
  const text = textOf(bytes);
  // A readable text may also be a message by chance. It is far more often a text.
  if (text !== undefined && !/[^\P{Cc}\t\n\r]/u.test(text)) return { number, type: 'text', value: text };
  const fields = protobufFields(bytes, depth + 1);
  if (fields !== undefined) return { number, type: 'message', value: '', fields };
  return { number, type: 'bytes', value: hexOf(bytes) };
}

function fixed(
  bytes: Uint8Array | undefined,
  field: Pick<ProtobufField, 'number' | 'type'>,
): ProtobufField | undefined {
  if (bytes === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isLong = bytes.length === 8;
  const whole = isLong ? view.getBigUint64(0, true) : view.getUint32(0, true);
  const real = isLong ? view.getFloat64(0, true) : view.getFloat32(0, true);
  return { ...field, value: `${whole} (as a real number: ${real})` };
}

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** Each method returns undefined if the bytes end too early. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  varint(): bigint | undefined {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return undefined;
  }

  take(length: number): Uint8Array | undefined {
    const end = this.#at + length;
    if (end > this.#bytes.length) return undefined;
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
