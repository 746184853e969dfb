import type { Socket } from 'node:net';
import type { CallTrace } from './call-trace.ts';
import { clientCertificateOf } from './client-certificate.ts';

/**
 * The request headers that a call depends on. Undefined: not sent. Of the first
 * four, the first of two with the same name counts. The others are joined by
 * commas, as HTTP joins lists, so that no second value stays unseen.
 */
export interface CallHeaders {
  authorization: string | undefined;
  accept: string | undefined;
  contentType: string | undefined;
  contentLength: string | undefined;
  contentEncoding: string | undefined;
  transferEncoding: string | undefined;
  host: string | undefined;
  origin: string | undefined;
  /** `Sec-Fetch-Site`. */
  fetchSite: string | undefined;
  cookie: string | undefined;
  /** `X-Forwarded-For`. */
  forwardedFor: string | undefined;
  /** `X-Forwarded-Proto`. */
  forwardedProto: string | undefined;
  /** `X-Request-Id`, or the id that the server gave the request. */
  requestId: string | undefined;
  traceparent: string | undefined;
  tracestate: string | undefined;
  /** The span of the call. Undefined: it is not recorded. */
  trace: CallTrace | undefined;
  /** The common name of the client's certificate, verified. Undefined: there is none. */
  readonly clientCertificate: string | undefined;
  /** The address at the other end of the connection, which may be a proxy. Empty: the call came in process. */
  readonly address: string;
  /** Undefined: the call came in process. */
  readonly connection: object | undefined;
}

/** Names a field that is a header. */
type HeaderKey = Exclude<keyof CallHeaders, 'trace' | 'clientCertificate' | 'address' | 'connection'>;

class RawCallHeaders implements CallHeaders {
  authorization: string | undefined = undefined;
  accept: string | undefined = undefined;
  contentType: string | undefined = undefined;
  contentLength: string | undefined = undefined;
  contentEncoding: string | undefined = undefined;
  transferEncoding: string | undefined = undefined;
  host: string | undefined = undefined;
  origin: string | undefined = undefined;
  fetchSite: string | undefined = undefined;
  cookie: string | undefined = undefined;
  forwardedFor: string | undefined = undefined;
  forwardedProto: string | undefined = undefined;
  requestId: string | undefined = undefined;
  traceparent: string | undefined = undefined;
  tracestate: string | undefined = undefined;
  trace: CallTrace | undefined = undefined;
  readonly #socket: Socket | undefined;

  constructor(socket: Socket | undefined) {
    this.#socket = socket;
  }

  /** A getter, because reading a certificate is expensive, and most calls do not ask. */
  get clientCertificate(): string | undefined {
    return clientCertificateOf(this.#socket);
  }

  get connection(): object | undefined {
    return this.#socket;
  }

  /** A getter, because few calls ask. */
  get address(): string {
    return this.#socket?.remoteAddress ?? '';
  }
}

/** A header of a call: its name in lower case and in the case of most programs, and where it goes. */
class KnownHeader {
  readonly name: string;
  readonly usual: string;
  readonly key: HeaderKey;
  readonly isJoined: boolean;

  constructor(usual: string, key: HeaderKey, isJoined: boolean) {
    this.name = usual.toLowerCase();
    this.usual = usual;
    this.key = key;
    this.isJoined = isJoined;
  }
}

const KNOWN_HEADERS: readonly KnownHeader[] = [
  new KnownHeader('Authorization', 'authorization', false),
  new KnownHeader('Accept', 'accept', false),
  new KnownHeader('Content-Type', 'contentType', false),
  new KnownHeader('Content-Length', 'contentLength', false),
  new KnownHeader('Content-Encoding', 'contentEncoding', true),
  new KnownHeader('Transfer-Encoding', 'transferEncoding', true),
  new KnownHeader('Host', 'host', true),
  new KnownHeader('Origin', 'origin', true),
  new KnownHeader('Sec-Fetch-Site', 'fetchSite', true),
  new KnownHeader('Cookie', 'cookie', true),
  new KnownHeader('X-Forwarded-For', 'forwardedFor', true),
  new KnownHeader('X-Forwarded-Proto', 'forwardedProto', true),
  new KnownHeader('X-Request-Id', 'requestId', false),
  // Two of them make no context, and several lists of states are one list.
  new KnownHeader('traceparent', 'traceparent', true),
  new KnownHeader('tracestate', 'tracestate', true),
];

/** Header names by their length and first letter: no two share a slot, and a slot rejects most other names. */
const SLOTS: readonly (KnownHeader | undefined)[] = slots();

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
    const slot = slotOf(sent);
    const known = slot < SLOTS.length ? SLOTS[slot] : undefined;
    if (known === undefined) continue;
    if (sent !== known.usual && sent !== known.name && sent.toLowerCase() !== known.name) continue;
    const value = raw[at + 1] as string;
    const before = headers[known.key];
    if (before === undefined) headers[known.key] = value;
    else if (known.isJoined) headers[known.key] = `${before}, ${value}`;
  }
  return headers;
}

/** Finds the headers of a call by their names, where repeated headers are joined already. */
export function callHeadersBy(get: (name: string) => string | undefined): CallHeaders {
  const headers = new RawCallHeaders(undefined);
  for (const { name, key } of KNOWN_HEADERS) headers[key] = get(name);
  return headers;
}

function slots(): (KnownHeader | undefined)[] {
  const longest = Math.max(...KNOWN_HEADERS.map(({ name }) => name.length));
  const filled = Array.from<undefined, KnownHeader | undefined>(
    { length: (longest + 1) * 32 },
    () => undefined,
  );
  for (const known of KNOWN_HEADERS) filled[slotOf(known.name)] = known;
  return filled;
}

function slotOf(name: string): number {
  return name.length * 32 + (name.charCodeAt(0) & 31);
}
