import {
  ACCESS_STORE,
  type AccessStore,
  type Caller,
  type CancelTimer,
  type Clock,
  decorateStore,
  type Logger,
  MESSAGES,
  type Random,
  type StorageSignals,
  silentLogger,
  unavailable,
} from '@querator/core';
import { Authenticator, type Credentials, checkScheme } from './authentication/authenticator.ts';
import { FailedAttempts } from './authentication/failed-attempts.ts';
import { GenerationWatch } from './authentication/generation-watch.ts';
import { GrantCache } from './authentication/grant-cache.ts';
import { KeyUses } from './authentication/key-uses.ts';
import { ChangeLimits } from './authorization/change-limits.ts';
import { TRUSTED_CALLER } from './authorization/trusted-caller.ts';
import { bootstrap } from './bootstrap/bootstrap.ts';
import type { Quotas } from './quotas/quotas.ts';
import { AccessService } from './service/access-service.ts';

/** How long to wait after a bootstrap that failed. */
const BOOTSTRAP_PAUSE_MS = 1_000;

export interface AccessControlOptions {
  readonly store: AccessStore;
  readonly clock: Clock;
  /** Milliseconds that only grow, from any start. */
  readonly monotonicMs: () => number;
  /** Makes secrets and ids. Use the system's outside of tests. */
  readonly random: Random;
  readonly logger?: Logger | undefined;
  /** Change notifications from the storage of `store`. Undefined if it has none. */
  readonly signals?: StorageSignals | undefined;
  /** Whether requests are judged. If not, everybody may do everything, and keys are ignored. */
  readonly enforced: boolean;
  /** The key of the first administrator. Undefined: the first start leaves the door open. */
  readonly adminKey?: string | undefined;
  /** The quotas that the store may change. Undefined: they are not in use. */
  readonly quotas?: Quotas | undefined;
}

/**
 * Access control: who makes a request, what they may do, and the calls that
 * change that. `start` begins; before, every request is refused with `retry` if
 * access control is enforced.
 */
export class AccessControl {
  /** The calls that manage namespaces, users, keys, roles and bindings. */
  readonly service: AccessService;
  /** Whether requests are judged. */
  readonly enforced: boolean;
  readonly #options: AccessControlOptions;
  readonly #logger: Logger;
  readonly #watch: GenerationWatch;
  readonly #authenticator: Authenticator;
  readonly #uses: KeyUses;
  readonly #listeners = new Set<() => void>();
  /** Whether requests depend on what is stored. */
  readonly #usesStore: boolean;
  #ready = false;
  /** The error of the last attempt to prepare the store. */
  #fault: unknown;
  #ignoredKey = false;
  #starting: Promise<void> = Promise.resolve();
  #cancelRetry: CancelTimer | undefined;
  #stopped = false;

  constructor(options: AccessControlOptions) {
    const { store, clock, monotonicMs, random, signals } = options;
    this.#options = options;
    this.enforced = options.enforced;
    this.#logger = options.logger ?? silentLogger;
    const deps = { store, clock, monotonicMs, logger: this.#logger };
    const cache = new GrantCache();
    this.#watch = new GenerationWatch({ ...deps, signals, changed: () => this.#changed(cache) });
    this.#uses = new KeyUses({ ...deps, cache });
    const attempts = new FailedAttempts(monotonicMs);
    this.#authenticator = new Authenticator({ ...deps, watch: this.#watch, cache, attempts });
    const { quotas } = options;
    const changed = () => this.#watch.changedHere();
    const prepared = this.enforced ? store : this.#preparedStore(store);
    const limits = new ChangeLimits(monotonicMs);
    this.service = new AccessService({ store: prepared, clock, random, limits, changed }, quotas);
    this.#usesStore = this.enforced || quotas !== undefined;
  }

  /**
   * Prepares the store, in the background: a storage that is down is tried again.
   * While access control is off and quotas are not in use, the first call of
   * `service` prepares it.
   *
   * @returns resolves once the first attempt has ended, whether it succeeded or not.
   */
  start(): Promise<void> {
    if (!this.#usesStore) return Promise.resolve();
    this.#watch.start();
    if (this.enforced) this.#uses.start();
    this.#starting = this.#bootstrap();
    return this.#starting;
  }

  /**
   * Who makes a request. Returns a promise only if the store has to be asked.
   *
   * @throws QueueError `unauthenticated`, `limited`; `retry` while access control
   *   cannot be read. The promise may reject with them too, or with a StorageError.
   */
  authenticate(credentials: Credentials): Caller | Promise<Caller> {
    if (this.enforced) {
      if (!this.#ready) throw unavailable('retry', MESSAGES.storageFailed, this.#fault);
      return this.#authenticator.authenticate(credentials);
    }
    const { authorization } = credentials;
    if (authorization !== undefined && authorization !== '') {
      checkScheme(authorization);
      this.#warnOfIgnoredKey();
    }
    return TRUSTED_CALLER;
  }

  /**
   * A user by name, for work that the server does as that user. Undefined: there is
   * none. While access control is off, everybody may do everything.
   *
   * @throws as `authenticate`.
   */
  userNamed(username: string): Caller | Promise<Caller | undefined> {
    if (!this.enforced) return TRUSTED_CALLER;
    if (!this.#ready) throw unavailable('retry', MESSAGES.storageFailed, this.#fault);
    return this.#authenticator.userNamed(username);
  }

  /**
   * The same caller, with what they may do now. For requests that wait while
   * access changes. Returns a promise only if the store has to be asked.
   *
   * @throws as `authenticate`.
   */
  refresh(caller: Caller): Caller | Promise<Caller> {
    if (!this.enforced) return caller;
    return this.#authenticator.refresh(caller);
  }

  /** Calls back whenever users, keys, roles or bindings have changed. @returns ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    await this.#starting;
    if (!this.#usesStore) return;
    await this.#watch.stop();
    if (this.enforced) await this.#uses.stop();
  }

  #changed(cache: GrantCache): void {
    cache.clear();
    void this.#options.quotas?.reload();
    for (const listener of this.#listeners) listener();
  }

  /** Who does not use access control does not pay for its tables. */
  #preparedStore(store: AccessStore): AccessStore {
    return decorateStore(ACCESS_STORE, store, (_member, call) => async (...args) => {
      if (!this.#ready) await this.#prepare();
      return call(...args);
    });
  }

  async #prepare(): Promise<void> {
    const { store, clock, random, enforced, adminKey } = this.#options;
    await bootstrap({ store, clock, random, enforced, adminKey, logger: this.#logger });
    this.#ready = true;
  }

  async #bootstrap(): Promise<void> {
    const { clock } = this.#options;
    try {
      await this.#prepare();
      this.#watch.changedHere();
      await this.#loadQuotas();
    } catch (error) {
      if (this.#stopped) return;
      const isFirst = this.#fault === undefined;
      this.#fault = error;
      const level = isFirst ? 'warn' : 'debug';
      this.#logger[level]('access control could not be prepared; it is tried again', { err: error });
      this.#cancelRetry = clock.startTimer(BOOTSTRAP_PAUSE_MS, () => {
        this.#starting = this.#bootstrap();
      });
    }
  }

  /** A change after the first generation that is known leads to another read. */
  async #loadQuotas(): Promise<void> {
    const { quotas, store } = this.#options;
    if (quotas === undefined) return;
    await this.#watch.known();
    await quotas.load(store);
  }

  #warnOfIgnoredKey(): void {
    if (this.#ignoredKey) return;
    this.#ignoredKey = true;
    this.#logger.warn('a request has an API key, but access control is off: keys are ignored');
  }
}
