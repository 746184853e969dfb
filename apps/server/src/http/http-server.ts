import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import type { Logger } from '@querator/core';
import { negotiateReply, negotiateRequest, type WireFormat } from '@querator/protocol';
import type { Hono } from 'hono';
import type { Metrics } from '../observability/metrics.ts';
import { answerCall } from './answer-call.ts';
import type { AppEnv } from './app.ts';
import { checkAuthorization } from './authorization.ts';
import { type CallHeaders, parsedHeaders } from './call-headers.ts';
import type { CallContext, Route } from './endpoints.ts';
import { readBody } from './read-body.ts';
import { ANSWER_HEADERS, type Answer } from './reply.ts';

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
  return createServer((incoming, outgoing) => {
    const path = incoming.url as string;
    const route = incoming.method === 'POST' ? routes.get(path) : undefined;
    const headers = route === undefined ? undefined : parsedHeaders(incoming.rawHeaders);
    const formats = headers === undefined ? undefined : formatsOf(headers);
    const length = Number(headers?.contentLength);
    if (route === undefined || formats === undefined || !(length <= route.endpoint.bodyLimit)) {
      void hono(incoming, outgoing);
      return;
    }
    void serve(route, path, { incoming, outgoing, length }, formats);
  });

  async function serve(
    route: Route,
    path: string,
    { incoming, outgoing, length }: Exchange,
    formats: Formats,
  ): Promise<void> {
    const started = performance.now();
    let body: Uint8Array;
    try {
      body = await readBody(incoming, length, route.endpoint.bodyLimit);
    } catch {
      // The connection broke: there is nobody to answer.
      return;
    }
    const call = { path, body, ...formats, context: new NodeCallContext(outgoing) };
    const answer = await answerCall(route, call, logger);
    send(outgoing, answer);
    metrics.answered(path, answer.status, (performance.now() - started) / 1_000);
  }
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** Of the body. */
  readonly length: number;
}

interface Formats {
  readonly requestFormat: WireFormat;
  readonly replyFormat: WireFormat;
}

/** How the bodies are to be read and written; nothing where the headers are to be refused. */
function formatsOf({ authorization, accept, contentType }: CallHeaders): Formats | undefined {
  try {
    checkAuthorization(authorization);
    return { replyFormat: negotiateReply(accept), requestFormat: negotiateRequest(contentType) };
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

function send(outgoing: ServerResponse, { status, format, body }: Answer): void {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
  outgoing.writeHead(status, [...HEADERS[format], 'Content-Length', String(length)]);
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
