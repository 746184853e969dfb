import type { Logger } from '@querator/core';
import { bodyTooLarge, negotiateReply, negotiateRequest } from '@querator/protocol';
import type { Context } from 'hono';
import { refuse, responseOf } from '../call/answer.ts';
import { answerCall } from '../call/answer-call.ts';
import type { CallHeaders } from '../call/call-headers.ts';
import type { CallContext, Route } from '../handlers/routes.ts';
import type { AppEnv } from './app.ts';
import { readBody } from './read-body.ts';

/** Answers one call that comes through Hono. */
export async function handle(
  c: Context<AppEnv>,
  headers: CallHeaders,
  route: Route,
  logger: Logger,
): Promise<Response> {
  try {
    // Before anything is done: an answer nobody can read must not have an effect.
    const replyFormat = negotiateReply(headers.accept);
    const body = await bodyOf(c, headers, route.endpoint.bodyLimit);
    const requestFormat = negotiateRequest(headers.contentType);
    const call = { path: c.req.path, body, requestFormat, replyFormat, context: new RequestContext(c) };
    return responseOf(await answerCall(route, call, logger));
  } catch (error) {
    return refuse(c, error, logger);
  }
}

function bodyOf(c: Context<AppEnv>, { contentLength }: CallHeaders, limit: number): Promise<Uint8Array> {
  const incoming = c.env?.incoming;
  const announced = Number(contentLength ?? 0);
  return incoming === undefined ? bodyInProcess(c, limit) : readBody(incoming, announced, limit);
}

async function bodyInProcess(c: Context<AppEnv>, limit: number): Promise<Uint8Array> {
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
  readonly isGone: () => boolean;
  replyHeaders: Readonly<Record<string, string>> | undefined = undefined;

  constructor(c: Context<AppEnv>) {
    this.#c = c;
    // In process there is no connection that could break; who calls has a signal of their own.
    this.isGone = () => c.env?.outgoing?.destroyed ?? c.req.raw.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#c.req.raw.signal;
  }
}
