import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { getRequestListener, RequestError } from '@hono/node-server';
import { errorText, invalid, type Logger, overloaded } from '@querator/core';
import type { Hono } from 'hono';
import { isLoopback } from '../../config/host-name.ts';
import type { MemoryBudget } from '../budget/memory-budget.ts';
import { AdmittedCall } from '../call/admitted-call.ts';
import type { Answer } from '../call/answer.ts';
import { type CallHeaders, callHeadersOf } from '../call/call-headers.ts';
import type { Admission, CallPipeline } from '../call/call-pipeline.ts';
import { pathOf } from '../call/request-path.ts';
import type { Routes } from '../call/route.ts';
import type { AppEnv } from '../fetch/app-env.ts';
import { responseOf } from '../fetch/response-of.ts';
import { CallMessage } from './call-message.ts';
import type { Turn } from './connection.ts';
import type { Connections } from './connections.ts';
import { mayWait, NodeCall, returnsData } from './node-call.ts';
import { type Exchange, OtherRequest } from './other-request.ts';
import { refuseRequest } from './refuse-request.ts';

/** The parts of an HTTP server. */
export interface HttpServerOptions {
  readonly app: Hono<AppEnv>;
  /** The routes of `app`. */
  readonly routes: Routes;
  readonly calls: CallPipeline;
  readonly budget: MemoryBudget;
  /** The connections of all listeners of the process. */
  readonly connections: Connections;
  readonly logger: Logger;
}

const NO_HEADERS = callHeadersOf([]);

/** How long a TLS handshake may take. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * A server for the application that does not listen yet. An admitted call goes
 * from Node's request to the service and back without the objects of the Fetch
 * standard: those cost more than the rest of a small call. Calls that are refused
 * by their headers are answered here too. Hono serves all other requests. It does
 * not repeat the checks of an admitted call.
 *
 * @param tls the certificate and its key. Undefined: connections are not encrypted.
 */
export function createHttpServer(options: HttpServerOptions, tls?: TlsOptions): Server {
  const { app, routes, calls, connections } = options;
  const admitted = new WeakMap<object, AdmittedCall>();
  let onLoopback = false;
  const serveByHono = getRequestListener((request, env) => {
    const bindings = { ...(env as AppEnv['Bindings']), onLoopback, admission: admitted.get(env.incoming) };
    return app.fetch(request, bindings);
  }, adapterOptions(calls));

  function serve(incoming: CallMessage, outgoing: ServerResponse): void {
    const connection = connections.of(incoming.socket);
    if (connection.isClosed) return;
    connection.begins(incoming);
    const exchange = { incoming, outgoing, connection };
    const { method } = incoming;
    if (method === 'GET' || method === 'HEAD') {
      // A page may be long.
      runByHono(exchange, { waits: false, runsAlone: true });
      return;
    }
    const headers = callHeadersOf(incoming.rawHeaders, incoming.socket);
    const target = incoming.url as string;
    let path = target;
    let route = method === 'POST' ? routes.get(path) : undefined;
    if (route === undefined) {
      path = pathOf(target);
      route = method === 'POST' ? routes.get(path) : undefined;
    }
    const admission = calls.admit(method as string, path, route, headers, onLoopback);
    if (admission instanceof AdmittedCall) new NodeCall(options, admission, exchange).receive();
    else if (admission instanceof Promise)
      void admission.then((settled) => proceed(exchange, settled, headers));
    else refuse(exchange, admission, headers);
  }

  /** The stream may have pieces of the body already. */
  function proceed(exchange: Exchange, admission: Admission, headers: CallHeaders): void {
    if (!(admission instanceof AdmittedCall)) {
      refuse(exchange, admission, headers);
      return;
    }
    const waits = mayWait(admission.route.endpoint);
    if (waits && !connections.mayWait) {
      refuse(exchange, calls.refuse(overloaded(), admission.path, headers), headers);
      return;
    }
    admitted.set(exchange.incoming, admission);
    runByHono(exchange, { waits, runsAlone: returnsData(admission.route.endpoint) });
  }

  function refuse(exchange: Exchange, answer: Answer, headers: CallHeaders): void {
    const { incoming, outgoing, connection } = exchange;
    const send = () => refuseRequest(incoming, outgoing, answer, headers);
    const run = () => (answer.held === undefined ? send() : answer.held.then(send));
    connection.run(new OtherRequest(exchange, { run, waits: false, runsAlone: false }));
  }

  function runByHono(exchange: Exchange, kind: Pick<Turn, 'waits' | 'runsAlone'>): void {
    const { incoming, outgoing, connection } = exchange;
    const run = () => {
      if (incoming.expectsContinue) outgoing.writeContinue();
      // The adapter would refuse a request without a host, as of HTTP/1.0, and some hosts that `HostRule` lets pass.
      incoming.headers.host = 'localhost';
      return serveByHono(incoming, outgoing);
    };
    connection.run(new OtherRequest(exchange, { run, ...kind }));
  }

  const http = createNodeServer(serve, tls);
  http.on('listening', () => {
    const address = http.address() as AddressInfo | null;
    onLoopback = address !== null && isLoopback(address.address);
  });
  http.on('checkExpectation', (incoming: CallMessage, outgoing) => {
    const headers = callHeadersOf(incoming.rawHeaders, incoming.socket);
    const path = pathOf(incoming.url as string);
    const connection = connections.of(incoming.socket);
    connection.begins(incoming);
    refuse(
      { incoming, outgoing, connection },
      calls.refuse(unknownExpectation(incoming), path, headers),
      headers,
    );
  });
  http.on('checkContinue', (incoming: CallMessage, outgoing) => {
    incoming.expectsContinue = true;
    http.emit('request', incoming, outgoing);
  });
  connections.attach(http);
  return http;
}

function createNodeServer(
  serve: (incoming: CallMessage, outgoing: ServerResponse) => void,
  tls: TlsOptions | undefined,
): Server {
  const classes = { IncomingMessage: CallMessage };
  if (tls === undefined) return createServer(classes, serve);
  // Clients that are offered HTTP/2 would use it, and not every one of them handles it well.
  const only = { ALPNProtocols: ['http/1.1'], handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
  return createTlsServer({ ...classes, ...only, ...tls }, serve);
}

function adapterOptions(calls: CallPipeline) {
  return {
    // The adapter makes a URL of each request, and there are targets that are none.
    errorHandler: (error: unknown) => {
      const isTarget = error instanceof RequestError;
      const refused = isTarget ? invalid('request target is invalid; expected a path') : error;
      return responseOf(calls.refuse(refused, '', NO_HEADERS));
    },
    // The cleanup would close the connection of a client that is still sending. `discardBody` does not.
    autoCleanupIncoming: false,
  };
}

function unknownExpectation({ headers: { expect = '' } }: CallMessage): Error {
  return invalid(errorText`Expect header '${expect}' is not supported; only 100-continue is`);
}
