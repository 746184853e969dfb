import * as http from 'node:http';
import * as https from 'node:https';
import { urlToHttpOptions } from 'node:url';
import type { Transport, TransportReply } from './transport.ts';
import { transportFailure } from './transport-failure.ts';

/** The most connections to one server, and so the most calls that wait at the same time. */
const MAX_CONNECTIONS = 5_000;

/** TLS settings of a client. All texts are PEM. */
export interface ClientTls {
  /** The certificates that sign the server's. Undefined: those that Node trusts. */
  readonly ca?: string | undefined;
  /** The client's own certificate, for servers that ask for one. */
  readonly cert?: string | undefined;
  /** The key of `cert`. */
  readonly key?: string | undefined;
}

/** Where the requests to one URL go, as Node's HTTP client takes it. */
interface Target {
  readonly request: typeof http.request;
  readonly host: string;
  readonly options: http.RequestOptions;
}

/**
 * The default transport, on Node's HTTP client. Node's `fetch` gives up after 5
 * minutes without a reply, but a lease may wait for 15. Idle connections are
 * reused and do not keep the process alive.
 */
export function nodeTransport(tls: ClientTls = {}): Transport {
  const options = { keepAlive: true, maxSockets: MAX_CONNECTIONS };
  const plain = { request: http.request, agent: new http.Agent(options) };
  const secure = { request: https.request, agent: new https.Agent({ ...options, ...tls }) };
  /** A client has one URL per endpoint. */
  const targets = new Map<string, Target>();

  const targetOf = (url: string): Target => {
    const { request, agent } = url.startsWith('https:') ? secure : plain;
    const parsed = new URL(url);
    const target = {
      request,
      host: parsed.host,
      options: { ...urlToHttpOptions(parsed), agent, method: 'POST' },
    };
    targets.set(url, target);
    return target;
  };
  return ({ url, headers, body }, { replied, failed }) => {
    const target = targets.get(url) ?? targetOf(url);
    const fail = (error: unknown) => failed(transportFailure(url, error));
    // A flat list, which Node takes as it is. It adds no `Host` to one.
    const lines = ['Host', target.host, 'Content-Length', String(body.length)];
    for (const name in headers) lines.push(name, headers[name] as string);
    const init = { ...target.options, headers: lines };
    const call = target.request(init, (response) => receive(response, replied, fail));
    call.on('error', fail);
    call.end(body);
    return () => call.destroy();
  };
}

function receive(
  response: http.IncomingMessage,
  replied: (reply: TransportReply) => void,
  fail: (error: unknown) => void,
): void {
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  response.on('error', fail);
  response.on('end', () =>
    replied({
      status: response.statusCode ?? 0,
      contentType: response.headers['content-type'] ?? '',
      body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks),
      header: (name) => {
        const value = response.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(', ') : value;
      },
    }),
  );
}
