import type { IncomingMessage } from 'node:http';
import { QueueError } from '@querator/core';
import { bodyTooLarge } from '@querator/protocol';

/** An error without a listener ends the process; what broke is told by the end that came without the body's. */
const ignore = () => {};

/**
 * Reads a request's body from Node's own stream, which costs half of what a
 * web stream does, and gives up as soon as it is longer than allowed: a body
 * of `limit` bytes passes, one byte more does not.
 *
 * @param announced the length that the request's headers give; 0: none.
 * @throws QueueError `invalid` when the body is too long, `content` when the
 *   connection broke before its end.
 */
export function readBody(incoming: IncomingMessage, announced: number, limit: number): Promise<Uint8Array> {
  if (announced > limit) return Promise.reject(bodyTooLarge(limit));
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) {
        chunks.push(chunk);
        return;
      }
      incoming.off('data', onData);
      reject(bodyTooLarge(limit));
    };
    incoming.on('data', onData);
    let ended = false;
    incoming.on('end', () => {
      ended = true;
      resolve(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks));
    });
    incoming.on('error', ignore);
    incoming.on('close', () => {
      if (!ended) reject(new QueueError('content', 'the request body broke off'));
    });
  });
}
