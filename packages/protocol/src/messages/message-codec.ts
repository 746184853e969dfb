import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import { readLargeWire, readWire } from '../binary/read-wire.ts';
import { WireWriter } from '../binary/wire-writer.ts';
import { ELEMENTS_AT_ONCE, type ElementRule } from '../fields/element-limit.ts';
import type { MessageTable } from '../fields/field-table.ts';
import type { DeepPartial } from '../gen/duh/v1/reply.ts';
import { emitJson, emitLargeJson } from '../json/emit-json.ts';
import { parseJson, parseLargeJson } from '../json/parse-json.ts';
import type { WireFormat } from './wire-format.ts';

/** Reads and writes one message type in both formats. */
export interface MessageCodec<T> {
  /** The name of the message type. */
  readonly name: string;

  /** A message with the given fields; all others have their defaults. */
  create(fields?: DeepPartial<T>): T;

  /**
   * Reads protobuf binary. Unknown fields are ignored. `bytes` fields of the
   * result may be views on `body`, which must not change. The result never keeps
   * much more in memory than it holds.
   *
   * @param rule undefined: more than 250,000 list elements are an error.
   * @throws QueueError `content` if the bytes are not such a message. `invalid`
   *   with the name of the field if a text is not UTF-8, a time is out of range, or
   *   the lists have too many elements.
   */
  decode(body: Uint8Array, rule?: ElementRule): T;

  /** Writes protobuf binary. The caller owns the result. */
  encode(message: T): Uint8Array;

  /**
   * Reads protobuf JSON. Unknown and duplicate fields are errors. `bytes` fields
   * of the result are copies.
   *
   * @param rule as for `decode`.
   * @throws QueueError `content` if the text is not such a message. `invalid` with
   *   the name of the field if a text in it is not UTF-8, or the lists have too
   *   many elements.
   */
  fromJson(body: Uint8Array | string, rule?: ElementRule): T;

  /**
   * Reads a body of more than `LARGE_BODY` bytes, with pauses in between: no part
   * of it takes longer than a few milliseconds.
   *
   * @param pause lets other work run.
   * @throws as `decode` and `fromJson` do, and QueueError `invalid` for a text of
   *   more than 16,000,000 bytes.
   */
  decodeLarge(
    format: WireFormat,
    body: Uint8Array,
    pause: () => Promise<void>,
    rule?: ElementRule,
  ): Promise<T>;

  /**
   * Writes a message whose lists have more than `LONG_LIST` elements, with pauses
   * in between.
   *
   * @param pause lets other work run.
   */
  encodeLarge(format: WireFormat, message: T, pause: () => Promise<void>): Promise<Uint8Array>;

  /** Writes compact protobuf JSON in UTF-8, without fields that have their default. */
  toJson(message: T): Uint8Array;
}

/** Bodies of more bytes are decoded with pauses. A smaller one takes a few milliseconds, whatever it holds. */
export const LARGE_BODY = 1_048_576;

/** A message whose list has more elements is encoded with pauses. The largest lease is shorter. */
export const LONG_LIST = ELEMENTS_AT_ONCE;

/** Reads a body in the format of its `Content-Type`. Throws as the codec does. */
export function decodeBody<T>(
  codec: MessageCodec<T>,
  format: WireFormat,
  body: Uint8Array,
  rule?: ElementRule,
): T {
  return format === 'json' ? codec.fromJson(body, rule) : codec.decode(body, rule);
}

/** Writes a body in the format that `Accept` requested. */
export function encodeBody<T>(codec: MessageCodec<T>, format: WireFormat, message: T): Uint8Array {
  return format === 'json' ? codec.toJson(message) : codec.encode(message);
}

/** What the generator makes of a message. */
interface GeneratedMessage<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  fromPartial(object: DeepPartial<T>): T;
}

/** Puts the codec of a message together from its generated halves. */
export function messageCodec<T extends object>(
  generated: GeneratedMessage<T>,
  table: MessageTable,
): MessageCodec<T> {
  const empty = {} as DeepPartial<T>;
  return {
    name: table.name,
    create: (fields = empty) => generated.fromPartial(fields),
    decode: (body, rule) => readWire(body, table, rule) as T,
    encode: (message) => generated.encode(message, new WireWriter()).finish(),
    fromJson: (body, rule) => parseJson(body, table, rule) as T,
    decodeLarge: (format, body, pause, rule) => {
      const decode = format === 'json' ? parseLargeJson : readLargeWire;
      return decode(body, table, pause, rule) as Promise<T>;
    },
    toJson: (message) => emitJson(message, table),
    encodeLarge: (format, message, pause) =>
      format === 'json'
        ? emitLargeJson(message, table, pause)
        : encodeInParts(generated, table, message, pause),
  };
}

/** Encodes the elements of lists some at a time. Protobuf joins lists whose messages follow one another. */
async function encodeInParts<T extends object>(
  generated: GeneratedMessage<T>,
  table: MessageTable,
  message: T,
  pause: () => Promise<void>,
): Promise<Uint8Array> {
  const fields = message as Readonly<Record<string, unknown>>;
  const lists = table.fields.filter(({ repeated }) => repeated).map(({ name }) => name);
  const without = Object.fromEntries(lists.map((name) => [name, []]));
  const encode = (part: object) => generated.encode(part as T, new WireWriter()).finish();
  const parts = [encode({ ...fields, ...without })];
  for (const name of lists) {
    const values = fields[name] as readonly unknown[];
    for (let at = 0; at < values.length; at += ELEMENTS_AT_ONCE) {
      if (at > 0) await pause();
      parts.push(encode({ ...table.create(), [name]: values.slice(at, at + ELEMENTS_AT_ONCE) }));
    }
  }
  return Buffer.concat(parts);
}
