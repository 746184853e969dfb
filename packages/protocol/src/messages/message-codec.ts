import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import { readLargeWire, readWire } from '../binary/read-wire.ts';
import { WireWriter } from '../binary/wire-writer.ts';
import { writeLargeWire } from '../binary/write-large-wire.ts';
import { ELEMENTS_AT_ONCE, type ElementRule } from '../fields/element-limit.ts';
import type { MessageTable } from '../fields/field-table.ts';
import { LONG_VALUE } from '../fields/long-values.ts';
import type { DeepPartial } from '../gen/duh/v1/reply.ts';
import { emitJson, tryEmitJson } from '../json/emit-json.ts';
import { emitLargeJson } from '../json/emit-large-json.ts';
import { parseJson, parseLargeJson } from '../json/parse-json.ts';
import { type MessageFields, wireFields } from './message-fields.ts';
import type { WireFormat } from './wire-format.ts';

/** Reads and writes one message type in both formats. */
export interface MessageCodec<T> {
  /** The name of the message type. */
  readonly name: string;

  /** A message with the given fields; all others have their defaults. */
  create(fields?: DeepPartial<T>): T;

  /**
   * The same of fields as programs write them: times as `Date`, pairs as objects.
   *
   * @throws QueueError `invalid` with the name of the field for a `Date` that is
   *   invalid, or not in the years 1 to 9999.
   */
  from(fields: MessageFields<T>): T;

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
   * Writes a message in the format of a reply. A large one takes several turns of
   * the event loop: it has a list of more than 1,000 elements, a text or payload of
   * more than 256 KiB, or 2 MiB of JSON.
   *
   * @param pause lets other work run.
   * @returns a promise only if the message is large.
   */
  encodeReply(format: WireFormat, message: T, pause: () => Promise<void>): Uint8Array | Promise<Uint8Array>;

  /** Writes compact protobuf JSON in UTF-8, without fields that have their default. */
  toJson(message: T): Uint8Array;
}

/** Bodies of more bytes are decoded with pauses. A smaller one takes a few milliseconds, whatever it holds. */
export const LARGE_BODY = 1_048_576;

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

function elementsOf(message: object, list: string): number {
  return (message as Readonly<Record<string, readonly unknown[]>>)[list]?.length ?? 0;
}

/** Puts the codec of a message together from its generated halves. */
export function messageCodec<T extends object>(
  generated: GeneratedMessage<T>,
  table: MessageTable,
): MessageCodec<T> {
  const empty = {} as DeepPartial<T>;
  const lists = table.fields.filter(({ repeated }) => repeated).map(({ name }) => name);
  const encode = (message: T) => generated.encode(message, new WireWriter()).finish();
  return {
    name: table.name,
    create: (fields = empty) => generated.fromPartial(fields),
    from: (fields) => generated.fromPartial(wireFields(table, fields as object) as DeepPartial<T>),
    decode: (body, rule) => readWire(body, table, rule) as T,
    encode,
    fromJson: (body, rule) => parseJson(body, table, rule) as T,
    decodeLarge: (format, body, pause, rule) => {
      const decode = format === 'json' ? parseLargeJson : readLargeWire;
      return decode(body, table, pause, rule) as Promise<T>;
    },
    toJson: (message) => emitJson(message, table),
    encodeReply: (format, message, pause) => {
      const isLong = lists.some((name) => elementsOf(message, name) > ELEMENTS_AT_ONCE);
      if (format === 'json') {
        const small = isLong ? undefined : tryEmitJson(message, table);
        return small ?? emitLargeJson(message, table, pause);
      }
      if (!isLong) {
        const writer = new WireWriter(LONG_VALUE);
        const small = generated.encode(message, writer).finish();
        if (!writer.leftOut) return small;
      }
      return writeLargeWire((part) => encode(part as T), table, message, pause);
    },
  };
}
