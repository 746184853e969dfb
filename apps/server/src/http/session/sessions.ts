import {
  type AccessStore,
  addDuration,
  type Clock,
  type Instant,
  milliseconds,
  QueueError,
  type Random,
} from '@querator/core';
import type { CallCredentials } from '../call/gate.ts';
import { isFromOwnPage } from '../call/source-rules.ts';
import { cookieIn } from './session-cookie.ts';
import { type SealedSession, SessionSeal } from './session-seal.ts';

/** How long a session lasts, in seconds. */
export const SESSION_SECONDS = 12 * 60 * 60;

/** Base62 digits of a key that the server makes: 256 bits. */
const SECRET_LENGTH = 43;

/** The dependencies of the sessions. */
export interface SessionsDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** The key of the configuration. Undefined: all servers share one in the storage of the queues. */
  readonly sessionKey: string | undefined;
  readonly store: Pick<AccessStore, 'sessionKey'>;
}

/** A session, and the text of its cookie. */
export interface OpenedSession extends SealedSession {
  readonly cookie: string;
}

/** The sessions of browsers. Each lives in its cookie alone: the server stores none. */
export class Sessions {
  readonly #deps: SessionsDeps;
  #seal: SessionSeal | undefined;
  /** The read of the key that runs. */
  #loading: Promise<SessionSeal> | undefined;

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
    if (deps.sessionKey !== undefined) this.#seal = new SessionSeal(deps.sessionKey, deps.random);
  }

  /** @param expiresAt of the session that this one replaces. Undefined: it replaces none. */
  async start({
    apiKey,
    write,
    expiresAt = addDuration(this.#deps.clock.now(), milliseconds(SESSION_SECONDS * 1_000)),
  }: Omit<SealedSession, 'expiresAt'> & { readonly expiresAt: Instant | undefined }): Promise<OpenedSession> {
    const session = { apiKey, write, expiresAt };
    const seal = this.#seal ?? (await this.#load());
    return { ...session, cookie: seal.seal(session) };
  }

  /**
   * The session of a request, unless another credential comes before it. Undefined: there is
   * none. Returns a promise only if the store has to be asked.
   *
   * @throws QueueError `unauthenticated` if it has ended or is none of ours; `forbidden` unless
   *   a page of this server sent the request. The promise may reject with them too, or with a
   *   StorageError.
   */
  of(headers: CallCredentials): SealedSession | undefined | Promise<SealedSession> {
    const { authorization, cookie } = headers;
    if (cookie === undefined || (authorization !== undefined && authorization !== '')) return undefined;
    const text = cookieIn(cookie);
    if (text === undefined) return undefined;
    if (!isFromOwnPage(headers)) {
      throw new QueueError(
        'forbidden',
        'access denied; a session counts only for requests of the pages of this server',
      );
    }
    return this.#seal === undefined
      ? this.#load().then((seal) => this.#open(seal, text))
      : this.#open(this.#seal, text);
  }

  #open(seal: SessionSeal, text: string): SealedSession {
    const session = seal.open(text);
    if (session === undefined) throw new QueueError('unauthenticated', 'session is invalid');
    if (session.expiresAt <= this.#deps.clock.now()) {
      throw new QueueError('unauthenticated', 'session has expired');
    }
    return session;
  }

  #load(): Promise<SessionSeal> {
    const { store, random } = this.#deps;
    this.#loading ??= store
      .sessionKey(random.base62(SECRET_LENGTH))
      .then((secret) => {
        this.#seal = new SessionSeal(secret, random);
        return this.#seal;
      })
      .finally(() => {
        this.#loading = undefined;
      });
    return this.#loading;
  }
}
