import type { IncomingMessage } from 'node:http';
import { QueueError } from '@querator/core';
import type { Context } from 'hono';
import type { ReceivedBody } from '../budget/received-body.ts';
import { discardBody } from '../call/discard-body.ts';
import type { AppEnv } from './app-env.ts';

/**
 * Reads the body of a call that comes through Hono.
 *
 * @param body receives the pieces. The rest of a body that it refuses on a connection is dropped.
 * @throws QueueError `content` if the connection breaks before the end; see also `ReceivedBody.add`.
 */
export async function bodyOf(c: Context<AppEnv>, body: ReceivedBody): Promise<Uint8Array> {
  const incoming = c.env?.incoming;
  if (incoming !== undefined) return readBody(incoming, body);
  body.add(new Uint8Array(await c.req.arrayBuffer()));
  return body.take();
}

/** Without a listener an error ends the process. `close` reports the same failure. */
const ignore = () => {};

/** Reads Node's own stream, at half the cost of a web stream. */
function readBody(incoming: IncomingMessage, body: ReceivedBody): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const onData = (piece: Buffer) => {
      try {
        body.add(piece);
      } catch (error) {
        forget();
        discardBody(incoming);
        reject(error);
      }
    };
    const onEnd = () => {
      forget();
      resolve(body.take());
    };
    const onClose = () => reject(new QueueError('content', 'the request body broke off'));
    /** The request may wait for long. Its listeners would keep the promise, and so the body. */
    const forget = () => incoming.off('data', onData).off('end', onEnd).off('close', onClose);
    incoming.on('data', onData).on('end', onEnd).on('error', ignore).on('close', onClose);
  });
}
