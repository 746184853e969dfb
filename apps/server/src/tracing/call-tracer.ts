import type { TLSSocket } from 'node:tls';
import { type Attributes, ROOT_CONTEXT, SpanKind, type Tracer, trace } from '@opentelemetry/api';
import type { CallHeaders } from '../http/call/call-headers.ts';
import type { CallTracing, TracedRequest } from '../http/call/call-tracing.ts';
import { CallSpan } from './call-span.ts';
import { messagingOperation } from './messaging.ts';
import type { Sampling } from './sampling.ts';
import { readTraceContext } from './trace-context.ts';

/** Texts of clients are cut to this many characters. */
const MOST_TEXT = 512;

export interface CallTracerDeps {
  readonly tracer: Tracer;
  readonly sampling: Sampling;
  /** Whether spans have the attributes of the messaging conventions. */
  readonly messaging: boolean;
  /** Whether traces go on from callers to the server and to items. */
  readonly propagates: boolean;
}

/** Begins a server span for each call that is recorded, by the HTTP conventions of OpenTelemetry. */
export class CallTracer implements CallTracing {
  readonly #deps: CallTracerDeps;

  constructor(deps: CallTracerDeps) {
    this.#deps = deps;
  }

  begin({ method, path, route, headers }: TracedRequest): CallSpan | undefined {
    const { tracer, sampling, messaging, propagates } = this.#deps;
    const { traceparent } = headers;
    const sent =
      traceparent === undefined || !propagates
        ? undefined
        : readTraceContext(traceparent, headers.tracestate);
    if (!sampling.includes(sent)) return undefined;
    const parent = sent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, sent);
    const attributes = {
      'http.request.method': method,
      'url.path': path.slice(0, MOST_TEXT),
      ...(route && { 'http.route': path }),
      ...attributesOf(headers),
    };
    const name = route === undefined ? method : `${method} ${path}`;
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
    const operation = messaging && route !== undefined ? messagingOperation(path) : undefined;
    return new CallSpan(span, { sent, operation, propagates });
  }
}

function attributesOf({ host, connection, address, requestId }: CallHeaders): Attributes {
  const [, name, port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(host?.slice(0, MOST_TEXT) ?? '') ?? [];
  const isEncrypted = (connection as TLSSocket | undefined)?.encrypted === true;
  return {
    'url.scheme': isEncrypted ? 'https' : 'http',
    'network.protocol.version': '1.1',
    ...(name ? { 'server.address': name } : {}),
    ...(port ? { 'server.port': Number(port) } : {}),
    ...(address === '' ? {} : { 'network.peer.address': address, 'client.address': address }),
    ...(requestId === undefined ? {} : { 'querator.request_id': requestId }),
  };
}
