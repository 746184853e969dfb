import type { Logger } from '@querator/core';
import { bodyTooLarge, decodeBody, negotiateReply, negotiateRequest } from '@querator/protocol';
import type { Context } from 'hono';
import type { AppEnv } from './app.ts';
import type { CallContext, Route } from './endpoints.ts';
import { readBody } from './read-body.ts';
import { refuse, reply } from './reply.ts';

/** Answers one call: read, decode, call, encode. */
export async function handle(
  c: Context<AppEnv>,
  { endpoint, handle }: Route,
  logger: Logger,
): Promise<Response> {
  try {
    // Before anything is done: an answer nobody can read must not have an effect.
    const format = negotiateReply(c.req.header('accept'));
    const body = await bodyOf(c, endpoint.bodyLimit);
    const request = decodeBody(endpoint.request, negotiateRequest(c.req.header('content-type')), body);
    const response = await handle(request, new RequestContext(c));
    return reply(endpoint.response, response, format);
  } catch (error) {
    return refuse(c, error, logger);
  }
}

async function bodyOf(c: Context<AppEnv>, limit: number): Promise<Uint8Array> {
  const incoming = c.env?.incoming;
  if (incoming !== undefined) return readBody(incoming, limit);
  const body = new Uint8Array(await c.req.arrayBuffer());
  if (body.length > limit) throw bodyTooLarge(limit);
  return body;
}

/**
 * A class, and not an object with a getter of its own: each of those gets a
 * hidden class of its own too, which outlives the request and keeps all of it.
 */
class RequestContext implements CallContext {
  readonly #c: Context<AppEnv>;

  constructor(c: Context<AppEnv>) {
    this.#c = c;
  }

  get signal(): AbortSignal {
    return this.#c.req.raw.signal;
  }
}
