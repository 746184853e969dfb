import type { Socket } from 'node:net';
import { clientCertificateOf } from './client-certificate.ts';

/** The request headers that a call depends on. Undefined: not sent. The first of two with the same name counts. */
export interface CallHeaders {
  authorization: string | undefined;
  accept: string | undefined;
  contentType: string | undefined;
  contentLength: string | undefined;
  /** The common name of the client's certificate, verified. Undefined: there is none. */
  readonly clientCertificate: string | undefined;
}

/** Names a field that is a header. */
type HeaderKey = Exclude<keyof CallHeaders, 'clientCertificate'>;

class RawCallHeaders implements CallHeaders {
  authorization: string | undefined = undefined;
  accept: string | undefined = undefined;
  contentType: string | undefined = undefined;
  contentLength: string | undefined = undefined;
  readonly #socket: Socket | undefined;

  constructor(socket: Socket | undefined) {
    this.#socket = socket;
  }

  /** A getter, because reading a certificate is expensive, and most calls do not ask. */
  get clientCertificate(): string | undefined {
    return clientCertificateOf(this.#socket);
  }
}

/** Headers by the length of their names. No two have the same length, so the length alone rejects most others. */
const NAMES: Readonly<Record<number, readonly [name: string, key: HeaderKey]>> = {
  6: ['accept', 'accept'],
  12: ['content-type', 'contentType'],
  13: ['authorization', 'authorization'],
  14: ['content-length', 'contentLength'],
};

/**
 * Finds the headers of a call in Node's list of names and values, in one pass.
 * Node's own object of all headers costs more than the rest of a small call.
 *
 * @param socket of the connection. Undefined: there is none.
 */
export function callHeadersOf(raw: readonly string[], socket?: Socket): CallHeaders {
  const headers = new RawCallHeaders(socket);
  for (let at = 0; at < raw.length; at += 2) {
    const sent = raw[at] as string;
    const known = NAMES[sent.length];
    if (known === undefined || sent.toLowerCase() !== known[0]) continue;
    headers[known[1]] ??= raw[at + 1] as string;
  }
  return headers;
}
