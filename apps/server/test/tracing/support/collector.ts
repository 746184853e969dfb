import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';

/** A span as a collector receives it. */
export interface ReceivedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: a root. */
  readonly parentSpanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: number;
  readonly resource: Readonly<Record<string, unknown>>;
}

/** The parts of the OTLP messages that tests look at. */
const SCHEMA = `
syntax = "proto3";
message Request { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { repeated Span spans = 2; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  repeated KeyValue attributes = 9; repeated Link links = 13; Status status = 15;
}
message Link { bytes trace_id = 1; bytes span_id = 2; }
message Status { int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`;
const RequestType = protobuf.parse(SCHEMA).root.lookupType('Request');

interface WireKeyValue {
  readonly key: string;
  readonly value?: Readonly<Record<string, unknown>>;
}

interface WireSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes?: WireKeyValue[];
  readonly links?: { traceId: string; spanId: string }[];
  readonly status?: { code?: number };
}

interface WireRequest {
  readonly resourceSpans?: {
    readonly resource?: { readonly attributes?: WireKeyValue[] };
    readonly scopeSpans?: { readonly spans?: WireSpan[] }[];
  }[];
}

/** A collector of traces: takes OTLP over HTTP, as JSON or protobuf. */
export class Collector {
  readonly spans: ReceivedSpan[] = [];
  readonly requests: { readonly path: string; readonly type: string; readonly authorization: string }[] = [];
  /** How it answers. Undefined: never. */
  status: number | undefined = 200;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Collector> {
    const server = createServer();
    const collector = new Collector(server);
    server.on('request', async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const { headers, url = '' } = request;
      const sent = Buffer.concat(pieces);
      const body = headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      const type = headers['content-type'] ?? '';
      collector.requests.push({ path: url, type, authorization: headers.authorization ?? '' });
      if (collector.status === undefined) return;
      if (collector.status === 200) collector.spans.push(...spansOf(read(type, body)));
      response.writeHead(collector.status, { 'Content-Type': type }).end(type.includes('json') ? '{}' : '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  named(name: string): ReceivedSpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function read(type: string, body: Buffer): WireRequest {
  if (type.includes('json')) return JSON.parse(body.toString()) as WireRequest;
  const message = RequestType.decode(body);
  const options = { longs: String, bytes: String };
  const hex = (text: string) => Buffer.from(text, 'base64').toString('hex');
  const request = RequestType.toObject(message, options) as WireRequest;
  return JSON.parse(JSON.stringify(request), (key, value) =>
    ['traceId', 'spanId', 'parentSpanId'].includes(key) ? hex(value as string) : value,
  ) as WireRequest;
}

function spansOf({ resourceSpans = [] }: WireRequest): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ spans = [] }) =>
      spans.map(({ parentSpanId = '', attributes, links = [], status, ...span }) => ({
        ...{ name: span.name, kind: span.kind, traceId: span.traceId, spanId: span.spanId, parentSpanId },
        attributes: valuesOf(attributes),
        links: links.map(({ traceId, spanId }) => ({ traceId, spanId })),
        status: status?.code ?? 0,
        resource: valuesOf(resource?.attributes),
      })),
    ),
  );
}

function valuesOf(pairs: readonly WireKeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map(({ key, value = {} }) => [
      key,
      'intValue' in value ? Number(value['intValue']) : Object.values(value)[0],
    ]),
  );
}
