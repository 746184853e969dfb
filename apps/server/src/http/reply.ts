import type { Logger } from '@querator/core';
import { QueueError } from '@querator/core';
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

const HEADERS: Readonly<Record<WireFormat, Record<string, string>>> = {
  json: { 'Content-Type': MEDIA_TYPES.json, 'X-Content-Type-Options': 'nosniff' },
  protobuf: { 'Content-Type': MEDIA_TYPES.protobuf, 'X-Content-Type-Options': 'nosniff' },
};

/**
 * The most frequent reply, made once: the JSON as a string, which node:http
 * sends together with the headers in one piece, and the bytes in memory of
 * their own, since those of small arrays lie where no socket can take them from.
 */
const SUCCESS: Readonly<Record<WireFormat, string | Uint8Array<ArrayBuffer>>> = {
  json: new TextDecoder().decode(codecs.Reply.toJson(SUCCESS_REPLY)),
  protobuf: Buffer.from(codecs.Reply.encode(SUCCESS_REPLY)),
};

/** Writes a message as the body of a reply. */
export function reply<T>(codec: MessageCodec<T>, message: T, format: WireFormat, status = 200): Response {
  const isPlainSuccess = (message as unknown) === SUCCESS_REPLY;
  const body = isPlainSuccess
    ? SUCCESS[format]
    : (encodeBody(codec, format, message) as Uint8Array<ArrayBuffer>);
  return new Response(body, { status, headers: HEADERS[format] });
}

/**
 * Answers a request that failed. What the caller is not told, the log is: a
 * fault of ours with its cause, never a request's content.
 */
export function refuse(c: Context, error: unknown, logger: Logger): Response {
  const answer = errorReply(error);
  if (isOurFault(error)) logger.error('request failed', { path: c.req.path, err: error });
  return reply(codecs.Reply, answer, acceptedFormat(c), answer.code);
}

/** Neither what a caller is told in plain words, nor that it left, is a fault of the server's. */
function isOurFault(error: unknown): boolean {
  if (error instanceof QueueError) return error.code === 'internal';
  return !(error instanceof CallerGone);
}

/** The format errors are sent in: the one that was asked for, or JSON where that is impossible. */
function acceptedFormat(c: Context): WireFormat {
  try {
    return negotiateReply(c.req.header('accept'));
  } catch {
    return 'json';
  }
}
