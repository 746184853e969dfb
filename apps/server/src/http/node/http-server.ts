import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Logger } from '@querator/core';
import { negotiateReply, negotiateRequest, type WireFormat } from '@querator/protocol';
import type { Hono } from 'hono';
import type { Metrics } from '../../observability/metrics.ts';
import { ANSWER_HEADERS, type Answer } from '../call/answer.ts';
import { answerCall } from '../call/answer-call.ts';
import { checkAuthorization } from '../call/authorization.ts';
import { parsedHeaders } from '../call/call-headers.ts';
import type { AppEnv } from '../fetch/app.ts';
import type { CallContext, Route } from '../handlers/routes.ts';
import { CallMessage } from './call-message.ts';

/** What an HTTP server serves. */
export interface HttpServerOptions {
  readonly app: Hono<AppEnv>;
  /** The calls that `app` serves, by path. */
  readonly routes: ReadonlyMap<string, Route>;
  readonly metrics: Pick<Metrics, 'answered'>;
  readonly logger: Logger;
}

/**
 * A server for the application, not yet listening. Calls that are in order go
 * from Node's request to the service and back without the objects of the Fetch
 * standard, which cost more than all the rest of a small call. Everything else
 * is Hono's, and with it every refusal for what the headers say.
 */
export function createHttpServer({ app, routes, metrics, logger }: HttpServerOptions): Server {
  const hono = getRequestListener(app.fetch);

  async function serve(call: PlainCall, body: Uint8Array, outgoing: ServerResponse): Promise<void> {
    const { route, path, requestFormat, replyFormat, started } = call;
    const context = new NodeCallContext(outgoing);
    try {
      const answer = await answerCall(route, { path, body, requestFormat, replyFormat, context }, logger);
      send(outgoing, answer);
      metrics.answered(path, answer.status, (performance.now() - started) / 1_000);
    } catch (error) {
      logger.error('reply could not be sent', { path, err: error });
      outgoing.destroy();
    }
  }

  return createServer({ IncomingMessage: CallMessage }, (incoming, outgoing) => {
    const call = plainCallOf(incoming, routes);
    if (call === undefined) void hono(incoming, outgoing);
    else incoming.takeBody(call.length, (body) => void serve(call, body, outgoing));
  });
}

/** A call of which the headers leave nothing to refuse. */
interface PlainCall {
  readonly route: Route;
  readonly path: string;
  /** Of the body, in bytes. */
  readonly length: number;
  readonly requestFormat: WireFormat;
  readonly replyFormat: WireFormat;
  /** When its headers were there, by the monotonic clock, in milliseconds. */
  readonly started: number;
}

function plainCallOf(
  { method, url, rawHeaders }: IncomingMessage,
  routes: ReadonlyMap<string, Route>,
): PlainCall | undefined {
  const path = url as string;
  const route = method === 'POST' ? routes.get(path) : undefined;
  if (route === undefined) return undefined;
  const { authorization, accept, contentType, contentLength } = parsedHeaders(rawHeaders);
  const length = Number(contentLength);
  // Without a length, too.
  if (!(length <= route.endpoint.bodyLimit)) return undefined;
  try {
    checkAuthorization(authorization);
    const replyFormat = negotiateReply(accept);
    const requestFormat = negotiateRequest(contentType);
    return { route, path, length, requestFormat, replyFormat, started: performance.now() };
  } catch {
    return undefined;
  }
}

const HEADERS: Readonly<Record<WireFormat, readonly string[]>> = {
  json: Object.entries(ANSWER_HEADERS.json).flat(),
  protobuf: Object.entries(ANSWER_HEADERS.protobuf).flat(),
};

/** Bytes up to here are copied to leave in one piece with the headers; more leave as they are, behind them. */
const COPIED_BYTES = 4_096;

function send(outgoing: ServerResponse, { status, format, body, headers }: Answer): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  const more = headers === undefined ? [] : Object.entries(headers).flat();
  outgoing.writeHead(status, [...HEADERS[format], ...more, 'Content-Length', String(length)]);
  if (typeof body === 'string') outgoing.end(body);
  else if (length <= COPIED_BYTES) outgoing.end(bytesAsText(body), 'latin1');
  else outgoing.end(body);
}

function bytesAsText(bytes: Uint8Array<ArrayBuffer>): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** A call's context from what Node knows of its connection. */
class NodeCallContext implements CallContext {
  readonly #outgoing: ServerResponse;
  readonly isGone: () => boolean;
  replyHeaders: Readonly<Record<string, string>> | undefined = undefined;
  #signal: AbortSignal | undefined;

  constructor(outgoing: ServerResponse) {
    this.#outgoing = outgoing;
    this.isGone = () => outgoing.destroyed;
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#newSignal();
    return this.#signal;
  }

  #newSignal(): AbortSignal {
    const gone = new AbortController();
    if (this.#outgoing.destroyed) gone.abort();
    else this.#outgoing.once('close', () => this.#outgoing.writableFinished || gone.abort());
    return gone.signal;
  }
}
