import type { BinaryWriter } from '@bufbuild/protobuf/wire';
import { readWire } from '../binary/read-wire.ts';
import { WireWriter } from '../binary/wire-writer.ts';
import type { MessageTable } from '../fields/field-table.ts';
import type { DeepPartial } from '../gen/duh/v1/reply.ts';
import { emitJson } from '../json/emit-json.ts';
import { parseJson } from '../json/parse-json.ts';
import type { WireFormat } from './wire-format.ts';

/** Reads and writes one message type in both formats. */
export interface MessageCodec<T> {
  /** The name of the message type. */
  readonly name: string;

  /** A message with the given fields; all others have their defaults. */
  create(fields?: DeepPartial<T>): T;

  /**
   * Reads protobuf binary. Unknown fields are ignored. `bytes` fields of the
   * result are views on `body`: they keep the whole body in memory, and `body`
   * must not change.
   *
   * @throws QueueError `content` if the bytes are not such a message. `invalid`
   *   with the name of the field if a text is not UTF-8, a time is out of range, or
   *   the lists have more than 250,000 elements.
   */
  decode(body: Uint8Array): T;

  /** Writes protobuf binary. The caller owns the result. */
  encode(message: T): Uint8Array;

  /**
   * Reads protobuf JSON. Unknown and duplicate fields are errors. `bytes` fields
   * of the result are copies.
   *
   * @throws QueueError `content` if the text is not such a message. `invalid` with
   *   the name of the field if a text in it is not UTF-8, or the lists have more
   *   than 250,000 elements.
   */
  fromJson(body: Uint8Array | string): T;

  /** Writes compact protobuf JSON in UTF-8, without fields that have their default. */
  toJson(message: T): Uint8Array;
}

/** Reads a body in the format of its `Content-Type`. Throws as the codec does. */
export function decodeBody<T>(codec: MessageCodec<T>, format: WireFormat, body: Uint8Array): T {
  return format === 'json' ? codec.fromJson(body) : codec.decode(body);
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
    decode: (body) => readWire(body, table) as T,
    encode: (message) => generated.encode(message, new WireWriter()).finish(),
    fromJson: (body) => parseJson(body, table) as T,
    toJson: (message) => emitJson(message, table),
  };
}
