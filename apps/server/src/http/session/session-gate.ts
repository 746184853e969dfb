import { type Caller, type Permission, QueueError } from '@querator/core';
import { type AnyEndpoint, endpointsV2, onlyReads } from '@querator/protocol';
import type { CallCredentials, Gate, WatchCall } from '../call/gate.ts';
import type { SealedSession } from './session-seal.ts';
import type { Sessions } from './sessions.ts';

/** The calls on the session itself, which those that only read may make too. */
const ON_SESSION = new Set<string>(Object.values(endpointsV2.session).map(({ path }) => path));

/**
 * A gate that also knows callers by the session of their browser. The API key in it is
 * judged anew at each call. Pages are not calls: there a session does not count.
 */
export class SessionGate implements Gate {
  readonly #inner: Gate;
  readonly #sessions: Sessions;
  readonly watch: WatchCall | undefined;

  constructor(inner: Gate, sessions: Sessions) {
    this.#inner = inner;
    this.#sessions = sessions;
    this.watch = inner.watch;
  }

  authenticate(headers: CallCredentials, endpoint?: AnyEndpoint): Caller | Promise<Caller> {
    if (headers.cookie === undefined || endpoint === undefined) return this.#inner.authenticate(headers);
    const session = this.#sessions.of(headers);
    if (session === undefined) return this.#inner.authenticate(headers);
    return session instanceof Promise
      ? session.then((opened) => this.#authenticate(headers, opened, endpoint))
      : this.#authenticate(headers, session, endpoint);
  }

  renew(caller: Caller): Caller | Promise<Caller> {
    return this.#inner.renew(caller);
  }

  authorize(caller: Caller, permission: Permission, queueName: string): void | Promise<void> {
    return this.#inner.authorize(caller, permission, queueName);
  }

  #authenticate(
    headers: CallCredentials,
    { apiKey, write }: SealedSession,
    endpoint: AnyEndpoint,
  ): Caller | Promise<Caller> {
    const caller = this.#inner.authenticate(new KeyOfSession(headers, apiKey));
    if (write || onlyReads(endpoint) || ON_SESSION.has(endpoint.path)) return caller;
    const refuse = () => {
      throw new QueueError(
        'forbidden',
        'access denied; the session only reads: switch it to writing with session.create, write: true',
      );
    };
    // A key that is no longer valid comes first: the page must ask for another one.
    return caller instanceof Promise ? caller.then(refuse) : refuse();
  }
}

/** The credentials of a request with a session: its API key, from the same place. */
class KeyOfSession implements CallCredentials {
  readonly #headers: CallCredentials;
  readonly authorization: string;

  constructor(headers: CallCredentials, apiKey: string) {
    this.#headers = headers;
    this.authorization = `Bearer ${apiKey}`;
  }

  get address(): string {
    return this.#headers.address;
  }

  get forwardedFor(): string | undefined {
    return this.#headers.forwardedFor;
  }

  get clientCertificate(): string | undefined {
    return this.#headers.clientCertificate;
  }

  get connection(): object | undefined {
    return this.#headers.connection;
  }
}
