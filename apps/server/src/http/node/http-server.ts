import { createServer, type Server, type ServerResponse } from 'node:http';

import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';

import { getRequestListener } from '@hono/node-server';
import { errorText, invalid, type Logger } from '@querator/core';
import type { Hono } from 'hono';
import { isLoopback } from '../../config/host-name.ts';
import { AdmittedCall } from '../call/admitted-call.ts';
import { type CallHeaders, callHeadersOf } from '../call/call-headers.ts';
import type { Admission, CallPipeline } from '../call/call-pipeline.ts';
import { pathOf } from '../call/request-path.ts';
import type { Routes } from '../call/route.ts';
import type { AppEnv } from '../fetch/app-env.ts';
import { CallMessage } from './call-message.ts';
import { NodeCallContext } from './node-call-context.ts';
import { refuseRequest } from './refuse-request.ts';
import { sendAnswer } from './send-answer.ts';

/** The parts of an HTTP server. */
export interface HttpServerOptions {
  readonly app: Hono<AppEnv>;
  /** The routes of `app`. */
  readonly routes: Routes;
  readonly calls: CallPipeline;
  readonly logger: Logger;
}

/** How long a TLS handshake may take. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * A server for the application that does not listen yet. An admitted call with
 * an announced length goes from Node's request to the service and back without
 * the objects of the Fetch standard: those cost more than the rest of a small
 * call. Calls that are refused by their headers are answered here too. Hono
 * serves all other requests. It does not repeat the checks of an admitted call.
 *
 * @param tls the certificate and its key. Undefined: connections are not encrypted.
 */
export function createHttpServer(
  { app, routes, calls, logger }: HttpServerOptions,
  tls?: TlsOptions,
): Server {
  const admitted = new WeakMap<object, AdmittedCall>();
  let onLoopback = false;
  const serveByHono = getRequestListener(
    (request, env) => {
      const bindings = { ...(env as AppEnv['Bindings']), onLoopback, admission: admitted.get(env.incoming) };
      return app.fetch(request, bindings);
    },
    {
      // HTTP/1.0 may leave the host out.
      hostname: 'localhost',
      // The cleanup would close the connection of a client that is still sending. `discardBody` does not.
      autoCleanupIncoming: false,
    },
  );

  async function run(call: AdmittedCall, body: Uint8Array, outgoing: ServerResponse): Promise<void> {
    try {
      sendAnswer(outgoing, await calls.run(call, body, new NodeCallContext(outgoing)));
    } catch (error) {
      logger.error('reply could not be sent', { path: call.path, err: error });
      outgoing.destroy();
    }
  }

  function serve(incoming: CallMessage, outgoing: ServerResponse): void {
    const { method } = incoming;
    if (method === 'GET' || method === 'HEAD') {
      serveWithBody(incoming, outgoing);
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
    if (admission instanceof AdmittedCall && admission.announcedLength !== undefined) {
      if (incoming.expectsContinue) outgoing.writeContinue();
      incoming.takeBody(admission.announcedLength, (body) => void run(admission, body, outgoing));
    } else if (admission instanceof Promise) {
      void admission.then((settled) => proceed(incoming, outgoing, settled, headers));
    } else proceed(incoming, outgoing, admission, headers);
  }

  /** The stream may have pieces of the body already, or its length is unknown. */
  function proceed(
    incoming: CallMessage,
    outgoing: ServerResponse,
    admission: Admission,
    headers: CallHeaders,
  ): void {
    if (!(admission instanceof AdmittedCall)) {
      refuseRequest(incoming, outgoing, admission, headers);
      return;
    }
    admitted.set(incoming, admission);
    serveWithBody(incoming, outgoing);
  }

  function serveWithBody(incoming: CallMessage, outgoing: ServerResponse): void {
    if (incoming.expectsContinue) outgoing.writeContinue();
    void serveByHono(incoming, outgoing);
  }

  const options = { IncomingMessage: CallMessage };
  // Clients that are offered HTTP/2 would use it, and not every one of them handles it well.
  const only = { ALPNProtocols: ['http/1.1'], handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
  const http =
    tls === undefined
      ? createServer(options, serve)
      : createTlsServer({ ...options, ...only, ...tls }, serve);
  http.on('listening', () => {
    const address = http.address() as AddressInfo | null;
    onLoopback = address !== null && isLoopback(address.address);
  });
  http.on('checkExpectation', (incoming: CallMessage, outgoing) => {
    const { expect = '' } = incoming.headers;
    const unknown = invalid(errorText`Expect header '${expect}' is not supported; only 100-continue is`);
    const headers = callHeadersOf(incoming.rawHeaders, incoming.socket);
    const path = pathOf(incoming.url as string);
    refuseRequest(incoming, outgoing, calls.refuse(unknown, path, headers), headers);
  });
  http.on('checkContinue', (incoming: CallMessage, outgoing) => {
    incoming.expectsContinue = true;
    http.emit('request', incoming, outgoing);
  });
  return http;
}
