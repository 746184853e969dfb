import { type Logger, MESSAGES, QueueError, StorageError } from '@querator/core';
import { CallerGone } from '@querator/engine';
import {
  codecs,
  encodeBody,
  errorReply,
  MEDIA_TYPES,
  type MessageCodec,
  negotiateReply,
  SUCCESS_REPLY,
  type WireFormat,
} from '@querator/protocol';
import type { Context } from 'hono';

/** What a request is answered with, whoever sends it. */
export interface Answer {
  readonly status: number;
  readonly format: WireFormat;
  readonly body: Uint8Array<ArrayBuffer> | string;
  /** Beyond those of every answer in its format. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The headers of every answer in a format. */
export const ANSWER_HEADERS: Readonly<Record<WireFormat, Record<string, string>>> = {
  json: { 'Content-Type': MEDIA_TYPES.json, 'X-Content-Type-Options': 'nosniff' },
  protobuf: { 'Content-Type': MEDIA_TYPES.protobuf, 'X-Content-Type-Options': 'nosniff' },
};

/**
 * The most frequent answer, made once: the JSON as a string, which node:http
 * sends together with the headers in one piece, and the bytes in memory of
 * their own, since those of small arrays lie where no socket can take them from.
 */
const PLAIN_SUCCESS: Readonly<Record<WireFormat, Answer>> = {
  json: {
    ...{ status: 200, format: 'json' },
    body: new TextDecoder().decode(codecs.Reply.toJson(SUCCESS_REPLY)),
  },
  protobuf: { status: 200, format: 'protobuf', body: Buffer.from(codecs.Reply.encode(SUCCESS_REPLY)) },
};

/** The answer that carries a message. */
export function answer<T>(codec: MessageCodec<T>, message: T, format: WireFormat, status = 200): Answer {
  if ((message as unknown) === SUCCESS_REPLY) return PLAIN_SUCCESS[format];
  return { status, format, body: encodeBody(codec, format, message) as Uint8Array<ArrayBuffer> };
}

/** What the log says of a request that failed, besides the error. Never its content. */
export interface RequestFields {
  readonly path: string;
  /** The queue it names, where it names one. */
  readonly queue?: string | undefined;
}

/**
 * The answer to a request that failed. What the caller is not told, the log is:
 * a fault of ours, and every refusal by storage, with its cause.
 */
export function refusal(error: unknown, format: WireFormat, request: RequestFields, logger: Logger): Answer {
  const refused = error instanceof StorageError ? asRetry(error) : error;
  const reply = errorReply(refused);
  const storageFault = storageFaultOf(refused);
  if (storageFault !== undefined) logger.warn('storage refused a request', { ...request, err: storageFault });
  else if (isOurFault(refused)) logger.error('request failed', { ...request, err: refused });
  return answer(codecs.Reply, reply, format, reply.code);
}

/** Answers a request that failed, in the format that was asked for, or in JSON where that is impossible. */
export function refuse(c: Context, error: unknown, logger: Logger): Response {
  return responseOf(refusal(error, acceptedFormat(c), { path: c.req.path }, logger));
}

/** An answer as Hono sends it. */
export function responseOf({ status, format, body, headers }: Answer): Response {
  return new Response(body, { status, headers: { ...ANSWER_HEADERS[format], ...headers } });
}

/** What storage cannot do now it may do later: that is no fault of the server's. */
function asRetry(error: StorageError): QueueError {
  return new QueueError('retry', MESSAGES.storageFailed, { cause: error });
}

/** The failure of storage behind an answer, if there is one. */
function storageFaultOf(error: unknown): StorageError | undefined {
  return error instanceof QueueError && error.cause instanceof StorageError ? error.cause : undefined;
}

/** Neither what a caller is told in plain words, nor that it left, is a fault of the server's. */
function isOurFault(error: unknown): boolean {
  if (error instanceof QueueError) return error.code === 'internal';
  return !(error instanceof CallerGone);
}

function acceptedFormat(c: Context): WireFormat {
  try {
    return negotiateReply(c.req.header('accept'));
  } catch {
    return 'json';
  }
}
