import { BinaryReader, type BinaryWriter } from '@bufbuild/protobuf/wire';
import { checkWire } from './binary/check-wire.ts';
import { malformedWire } from './binary/wire-error.ts';
import { WireWriter } from './binary/wire-writer.ts';
import type { MessageTable } from './field-table.ts';
import type { DeepPartial } from './gen/duh/v1/reply.ts';
import { emitJson } from './json/emit-json.ts';
import { parseJson } from './json/parse-json.ts';
import type { WireFormat } from './wire-format.ts';

/** A message type: its name, and how it is read and written in both formats. */
export interface MessageCodec<T> {
  /** The name of the type, as in messages.md. */
  readonly name: string;

  /** A message with the given fields; all others are at their defaults. */
  create(fields?: DeepPartial<T>): T;

  /**
   * Reads protobuf binary. Fields this version does not know are passed over.
   * `bytes` fields of the result are views on `body`: whoever keeps them keeps
   * the whole body, and must not change it.
   *
   * @throws QueueError `content` when the bytes are no such message; `invalid`,
   *   naming the field, when a text is not UTF-8, a time is out of range, or
   *   its lists have more than 250,000 elements.
   */
  decode(body: Uint8Array): T;

  /** Writes protobuf binary. The result is the caller's own. */
  encode(message: T): Uint8Array;

  /**
   * Reads protobuf JSON as wire.md, section 7 has it: no unknown field, no
   * field twice. `bytes` fields of the result are not shared with anything.
   *
   * @throws QueueError `content` when the text is no such message; `invalid`,
   *   naming the field, when a text in it is not UTF-8, or its lists have more
   *   than 250,000 elements.
   */
  fromJson(body: Uint8Array | string): T;

  /** Writes compact protobuf JSON in UTF-8: the names of messages.md, defaults left out. */
  toJson(message: T): Uint8Array;
}

/** Reads a body in the format its `Content-Type` named. Throws as the codec does. */
export function decodeBody<T>(codec: MessageCodec<T>, format: WireFormat, body: Uint8Array): T {
  return format === 'json' ? codec.fromJson(body) : codec.decode(body);
}

/** Writes a body in the format that `Accept` asked for. */
export function encodeBody<T>(codec: MessageCodec<T>, format: WireFormat, message: T): Uint8Array {
  return format === 'json' ? codec.toJson(message) : codec.encode(message);
}

/** What the generator makes of a message. */
interface GeneratedMessage<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  decode(input: BinaryReader | Uint8Array, length?: number): T;
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
    decode(body) {
      checkWire(body, table);
      try {
        return generated.decode(new BinaryReader(body));
      } catch (cause) {
        throw malformedWire(cause);
      }
    },
    encode: (message) => generated.encode(message, new WireWriter()).finish(),
    fromJson: (body) => parseJson(body, table) as T,
    toJson: (message) => emitJson(message, table),
  };
}
