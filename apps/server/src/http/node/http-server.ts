import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import type { Logger } from '@querator/core';
import type { Hono } from 'hono';
import { AdmittedCall } from '../call/admitted-call.ts';
import { callHeadersOf } from '../call/call-headers.ts';
import type { Admission, CallPipeline } from '../call/call-pipeline.ts';
import type { Routes } from '../call/route.ts';
import type { AppEnv } from '../fetch/app-env.ts';
import { CallMessage } from './call-message.ts';
import { NodeCallContext } from './node-call-context.ts';
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
 * call. Hono serves all other requests. It does not repeat the checks of a call
 * that was admitted or refused here.
 *
 * @param tls the certificate and its key. Undefined: connections are not encrypted.
 */
export function createHttpServer(
  { app, routes, calls, logger }: HttpServerOptions,
  tls?: TlsOptions,
): Server {
  const admissions = new WeakMap<object, Admission | Promise<Admission>>();
  const serveByHono = getRequestListener((request, env) =>
    app.fetch(request, { ...(env as AppEnv['Bindings']), admission: admissions.get(env.incoming) }),
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
    const path = incoming.url as string;
    const route = incoming.method === 'POST' ? routes.get(path) : undefined;
    if (route !== undefined) {
      const admission = calls.admit('POST', path, route, callHeadersOf(incoming.rawHeaders, incoming.socket));
      if (admission instanceof AdmittedCall && admission.announcedLength !== undefined) {
        incoming.takeBody(admission.announcedLength, (body) => void run(admission, body, outgoing));
        return;
      }
      admissions.set(incoming, admission);
    }
    void serveByHono(incoming, outgoing);
  }

  const options = { IncomingMessage: CallMessage };
  if (tls === undefined) return createServer(options, serve);
  // Clients that are offered HTTP/2 would use it, and not every one of them handles it well.
  const only = { ALPNProtocols: ['http/1.1'], handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
  return createTlsServer({ ...options, ...only, ...tls }, serve);
}
