import {
  codecs,
  encodeBody,
  MEDIA_TYPES,
  type MessageCodec,
  SUCCESS_REPLY,
  type WireFormat,
} from '@querator/protocol';
import { nextTurn } from './next-turn.ts';

/** The answer to a request, before an adapter sends it. */
export interface Answer {
  readonly status: number;
  readonly format: WireFormat;
  readonly body: Uint8Array<ArrayBuffer> | string;
  /** Headers besides `ANSWER_HEADERS`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Resolves when the answer may be sent. Undefined: now. */
  readonly held?: Promise<void>;
}

/** The headers of every answer in a format. */
export const ANSWER_HEADERS: Readonly<Record<WireFormat, Record<string, string>>> = {
  json: { 'Content-Type': MEDIA_TYPES.json, 'X-Content-Type-Options': 'nosniff' },
  protobuf: { 'Content-Type': MEDIA_TYPES.protobuf, 'X-Content-Type-Options': 'nosniff' },
};

/**
 * The most frequent answer, encoded once. The JSON is a string: node:http sends
 * it together with the headers in one piece. The bytes have memory of their
 * own: a socket cannot read the memory that small arrays lie in.
 */
const PLAIN_SUCCESS: Readonly<Record<WireFormat, Answer>> = {
  json: {
    status: 200,
    format: 'json',
    body: new TextDecoder().decode(codecs.Reply.toJson(SUCCESS_REPLY)),
  },
  protobuf: {
    status: 200,
    format: 'protobuf',
    body: Buffer.from(codecs.Reply.encode(SUCCESS_REPLY)),
  },
};

/** The answer that says nothing but success. */
export function successAnswer(format: WireFormat): Answer {
  return PLAIN_SUCCESS[format];
}

/** Encodes a message as an answer. */
export function answer<T>(codec: MessageCodec<T>, message: T, format: WireFormat, status = 200): Answer {
  if ((message as unknown) === SUCCESS_REPLY) return PLAIN_SUCCESS[format];
  return { status, format, body: encodeBody(codec, format, message) as Uint8Array<ArrayBuffer> };
}

/**
 * As {@link answer}, for the reply of a handler. Returns a promise only for a large
 * reply: it is encoded with pauses, so that other requests are served meanwhile.
 */
export function answerOf<T>(
  codec: MessageCodec<T>,
  message: T,
  format: WireFormat,
): Answer | Promise<Answer> {
  if ((message as unknown) === SUCCESS_REPLY) return PLAIN_SUCCESS[format];
  const encoded = codec.encodeReply(format, message, nextTurn);
  return encoded instanceof Promise
    ? encoded.then((body) => successWith(body, format))
    : successWith(encoded, format);
}

function successWith(body: Uint8Array, format: WireFormat): Answer {
  return { status: 200, format, body: body as Uint8Array<ArrayBuffer> };
}
