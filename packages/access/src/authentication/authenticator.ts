import {
  type AccessStore,
  ANONYMOUS,
  type Caller,
  type Clock,
  type Grants,
  type Instant,
  type Principal,
  QueueError,
  type UserKey,
} from '@querator/core';
import { GrantedCaller } from '../authorization/permission-check.ts';
import { hashOfKey, isKeyText } from '../keys/api-key-text.ts';
import type { FailedAttempts } from './failed-attempts.ts';
import type { GenerationWatch } from './generation-watch.ts';
import { endOfSecret, type GrantCache } from './grant-cache.ts';

/** What a request says about its sender. A property is read only when it counts, so it may be an expensive getter. */
export interface Credentials {
  /** The header `Authorization`. */
  readonly authorization: string | undefined;
  /** The address of the sender, for limits. */
  readonly address: string;
  /** The name in a client certificate that the server has verified. */
  readonly clientCertificate?: string | undefined;
  /** The connection of the request. While it sends one header again and again, that is hashed once. */
  readonly connection?: object | undefined;
}

export interface AuthenticatorDeps {
  readonly store: Pick<AccessStore, 'grants'>;
  readonly clock: Clock;
  readonly watch: GenerationWatch;
  readonly cache: GrantCache;
  readonly attempts: FailedAttempts;
}

/** A read of grants that other requests may share. */
interface Lookup {
  /** The generation that was known when the read began: what it finds is no older. -1: it was not known. */
  readonly generation: number;
  readonly grants: Promise<Grants | undefined>;
}

/** Grants may be older than the known generation, if a change came in between. */
const MOST_READS = 3;
/** Keys that are looked up at a time. */
const LANES = 8;
const SCHEME = 'Bearer ';
const ANONYMOUS_CREDENTIAL = 'anonymous';

/** Finds out who makes a request, and what they may do. */
export class Authenticator {
  readonly #deps: AuthenticatorDeps;
  readonly #lookups = new Map<string, Lookup>();
  /** The last header of each connection that is open. */
  readonly #lastSent = new WeakMap<object, { readonly authorization: string; readonly keyHash: string }>();
  /** The ends of the lookups of keys, in {@link LANES} sequences. */
  readonly #lanes: Promise<void>[] = [];
  /** The credentials of callers, for `refresh`. */
  readonly #sources = new WeakMap<Caller, { readonly credential: string; readonly key: UserKey }>();

  constructor(deps: AuthenticatorDeps) {
    this.#deps = deps;
  }

  /**
   * Returns a promise only if the store has to be asked.
   *
   * @throws QueueError `unauthenticated`, `limited`; `retry` while access control
   *   cannot be read. The promise may reject with them too, or with a StorageError.
   */
  authenticate(credentials: Credentials): Caller | Promise<Caller> {
    const { authorization } = credentials;
    if (authorization === undefined || authorization === '') {
      const { clientCertificate } = credentials;
      if (clientCertificate === undefined) return this.#find(ANONYMOUS_CREDENTIAL, { userId: ANONYMOUS });
      return this.#find(`certificate ${clientCertificate}`, { username: clientCertificate });
    }
    const keyHash = this.#hashOf(authorization, credentials.connection);
    return this.#cached(keyHash) ?? this.#lookUpKey(keyHash, credentials.address);
  }

  /**
   * A user by name, for work that the server does as that user. Undefined: there is none.
   * Returns a promise only if the store has to be asked.
   *
   * @throws QueueError `retry` while access control cannot be read. The promise may
   *   reject with it too, or with a StorageError.
   */
  userNamed(username: string): Caller | Promise<Caller | undefined> {
    const credential = `user ${username}`;
    return (
      this.#cached(credential) ??
      this.#lookUp(credential, { username }).catch((error: unknown) => {
        if (error instanceof QueueError && error.code === 'unauthenticated') return undefined;
        throw error;
      })
    );
  }

  /**
   * The same caller, with what they may do now. For requests that wait while
   * access changes. Returns a promise only if the store has to be asked.
   *
   * @throws as `authenticate`.
   */
  refresh(caller: Caller): Caller | Promise<Caller> {
    const source = this.#sources.get(caller);
    if (source === undefined) return caller;
    return this.#find(source.credential, source.key);
  }

  /** @throws QueueError `unauthenticated` for a header or a key of another form. */
  #hashOf(authorization: string, connection: object | undefined): string {
    const last = connection === undefined ? undefined : this.#lastSent.get(connection);
    if (last?.authorization === authorization) return last.keyHash;
    checkScheme(authorization);
    const text = authorization.slice(SCHEME.length);
    if (!isKeyText(text)) throw new QueueError('unauthenticated', 'api key is invalid');
    const keyHash = hashOfKey(text);
    if (connection !== undefined) this.#lastSent.set(connection, { authorization, keyHash });
    return keyHash;
  }

  #find(credential: string, key: UserKey): Caller | Promise<Caller> {
    return this.#cached(credential) ?? this.#lookUp(credential, key);
  }

  async #lookUpKey(keyHash: string, address: string): Promise<Caller> {
    const { attempts, cache } = this.#deps;
    // A key that was valid before is no guess, whatever others at that address try.
    const check = () => cache.isKnown(keyHash) || attempts.check(address);
    check();
    return this.#inLane(keyHash, async () => {
      // The key may have been found while this request waited, or others may have failed.
      const found = this.#cached(keyHash);
      if (found !== undefined) return found;
      check();
      try {
        return await this.#lookUp(keyHash, { keyHash });
      } catch (error) {
        if (error instanceof QueueError && error.code === 'unauthenticated') {
          cache.delete(keyHash);
          attempts.failed(address);
        }
        throw error;
      }
    });
  }

  /** Few keys are looked up at a time: a sender of unknown ones must not occupy the storage. */
  #inLane<T>(keyHash: string, work: () => Promise<T>): Promise<T> {
    const lane = keyHash.charCodeAt(0) % LANES;
    const result = (this.#lanes[lane] ?? Promise.resolve()).then(work);
    this.#lanes[lane] = result.then(
      () => {},
      () => {},
    );
    return result;
  }

  #cached(credential: string): Caller | undefined {
    const { cache, watch } = this.#deps;
    const entry = cache.get(credential);
    if (entry === undefined || entry.generation !== watch.generation) return undefined;
    if (entry.expiresAt !== undefined) this.#checkEnd(entry.expiresAt);
    entry.used = true;
    return entry.caller;
  }

  async #lookUp(credential: string, key: UserKey): Promise<Caller> {
    const { watch, cache } = this.#deps;
    await watch.known();
    let lookup = this.#read(credential, key);
    let grants = await lookup.grants;
    for (let n = 1; n < MOST_READS && grants !== undefined && grants.generation < watch.generation; n++) {
      lookup = this.#read(credential, key);
      grants = await lookup.grants;
    }
    if (grants === undefined) {
      cache.delete(credential);
      if ('keyHash' in key) throw new QueueError('unauthenticated', 'api key does not exist');
      if ('username' in key) throw new QueueError('unauthenticated', 'client certificate names no user');
      const caller = this.#remembered(
        { credential, key },
        new GrantedCaller(principalOf(undefined, undefined), new Map()),
      );
      const { generation } = lookup;
      if (generation >= 0) cache.set(credential, { generation, caller, expiresAt: undefined, used: false });
      return caller;
    }
    watch.observed(grants.generation);
    const { apiKey, generation } = grants;
    const expiresAt = apiKey === undefined ? undefined : endOfSecret(credential, apiKey);
    if (expiresAt !== undefined) this.#checkEnd(expiresAt);
    const caller = this.#remembered(
      { credential, key },
      new GrantedCaller(principalOf(grants, expiresAt), grants.permissions),
    );
    cache.set(credential, { generation, caller, expiresAt, used: true });
    return caller;
  }

  #remembered(source: { readonly credential: string; readonly key: UserKey }, caller: GrantedCaller) {
    this.#sources.set(caller, source);
    return caller;
  }

  /** Concurrent requests with one credential share a read. */
  #read(credential: string, key: UserKey): Lookup {
    let lookup = this.#lookups.get(credential);
    if (lookup === undefined) {
      const { store, watch } = this.#deps;
      const grants = store.grants(key).finally(() => this.#lookups.delete(credential));
      lookup = { generation: watch.generation, grants };
      this.#lookups.set(credential, lookup);
    }
    return lookup;
  }

  #checkEnd(expiresAt: Instant): void {
    if (expiresAt <= this.#deps.clock.now()) {
      throw new QueueError('unauthenticated', 'api key has expired');
    }
  }
}

/**
 * Checks the form of the header `Authorization`, also while access control is off.
 *
 * @throws QueueError `unauthenticated`.
 */
export function checkScheme(authorization: string): void {
  if (!authorization.startsWith(SCHEME) || authorization.length === SCHEME.length) {
    throw new QueueError('unauthenticated', 'invalid authorization header format');
  }
}

function principalOf(grants: Grants | undefined, expiresAt: Instant | undefined): Principal {
  if (grants === undefined) {
    return { userId: ANONYMOUS, username: ANONYMOUS, keyId: undefined, expiresAt, namespaceScope: '' };
  }
  const { user, apiKey } = grants;
  return {
    userId: user.id,
    username: user.username,
    keyId: apiKey?.id,
    expiresAt,
    namespaceScope: apiKey?.namespaceScope ?? '',
  };
}
