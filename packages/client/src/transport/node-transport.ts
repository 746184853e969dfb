import * as http from 'node:http';
import * as https from 'node:https';
import type { Transport } from './transport.ts';
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

/**
 * The default transport, on Node's HTTP client. Node's `fetch` gives up after 5
 * minutes without a reply, but a lease may wait for 15. Idle connections are
 * reused and do not keep the process alive.
 */
export function nodeTransport(tls: ClientTls = {}): Transport {
  const options = { keepAlive: true, maxSockets: MAX_CONNECTIONS };
  const plain = { request: http.request, agent: new http.Agent(options) };
  const secure = { request: https.request, agent: new https.Agent({ ...options, ...tls }) };

  return ({ url, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const fail = (error: unknown) => reject(transportFailure(url, error));
      const { request, agent } = url.startsWith('https:') ? secure : plain;
      const init = { method: 'POST', headers: { ...headers, 'Content-Length': body.length }, agent, signal };
      const call = request(url, init, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', fail);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers['content-type'] ?? '',
            body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks),
            header: (name) => {
              const value = response.headers[name.toLowerCase()];
              return Array.isArray(value) ? value.join(', ') : value;
            },
          }),
        );
      });
      call.on('error', fail);
      call.end(body);
    });
}
