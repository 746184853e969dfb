import type { MakeAuditEvent } from '../audit/call-audit.ts';
import type { ApiKey, Namespace, Role, RoleBinding, User } from '../auth/access-records.ts';
import type { Quota, QuotaKind, QuotaSubject } from '../auth/quota.ts';
import type { Instant } from '../time/instant.ts';

/** A page of a list in order of its key, compared as bytes. */
export interface AccessListRequest {
  /** The page starts at this key, or at the next greater one. Empty: at the first. */
  readonly pivot: string;
  /** The most elements of a page; at least 1. */
  readonly limit: number;
}

/** Finds a user by one of three unique texts. */
export type UserKey =
  | { readonly keyHash: string }
  | { readonly userId: string }
  | { readonly username: string };

/** What decides a user's requests, read in one snapshot. */
export interface Grants {
  /** The state of the store that these grants belong to. See {@link AccessStore.generation}. */
  readonly generation: number;
  readonly user: User;
  /** The key, if it was found by `keyHash`. The hash is its present or its previous one. */
  readonly apiKey: ApiKey | undefined;
  /**
   * Names of permissions by namespace, from all bindings of the user. A binding to
   * a missing role gives none. Namespaces without permissions are absent.
   */
  readonly permissions: ReadonlyMap<string, ReadonlySet<string>>;
}

/** One use of an API key. */
export interface KeyUse {
  readonly keyId: string;
  readonly at: Instant;
}

/** Reads single records and pages. Undefined: there is no such record. */
export interface AccessReads {
  namespace(name: string): Promise<Namespace | undefined>;
  /** In order of names. */
  namespaces(request: AccessListRequest): Promise<readonly Namespace[]>;

  user(id: string): Promise<User | undefined>;
  userNamed(username: string): Promise<User | undefined>;
  /** In order of ids, as all lists below. */
  users(request: AccessListRequest): Promise<readonly User[]>;

  apiKey(id: string): Promise<ApiKey | undefined>;
  /** @param request `userId`: only keys of this user. Empty: of all users. */
  apiKeys(request: AccessListRequest & { readonly userId: string }): Promise<readonly ApiKey[]>;

  role(namespace: string, name: string): Promise<Role | undefined>;
  roles(request: AccessListRequest & { readonly namespace: string }): Promise<readonly Role[]>;

  binding(key: Pick<RoleBinding, 'userId' | 'namespace' | 'roleId'>): Promise<RoleBinding | undefined>;
  /** @param request `userId`: only bindings of this user. Empty: of all users. */
  bindings(
    request: AccessListRequest & { readonly namespace: string; readonly userId: string },
  ): Promise<readonly RoleBinding[]>;
  /** Any bindings of a role, at most `limit`, in all namespaces. */
  bindingsOf(roleId: string, limit: number): Promise<readonly RoleBinding[]>;

  quota(subject: QuotaSubject): Promise<Quota | undefined>;
  /** The quotas of one kind of subject, in order of their names. */
  quotas(request: AccessListRequest & { readonly kind: QuotaKind }): Promise<readonly Quota[]>;
}

/**
 * Changes in one transaction. The store checks uniqueness, and nothing else: the
 * rules are the caller's. A record that collides with another one is a
 * `QueueError` `invalid`. The caller prevents it by reading first, which is safe:
 * no two transactions run at the same time.
 *
 * A call that fails ends the transaction: later calls fail too, and so does
 * `change`, even if `work` catches the error.
 */
export interface AccessTransaction extends AccessReads {
  addNamespace(namespace: Namespace): Promise<void>;
  /** Replaces description and tag. @returns whether the namespace exists. */
  updateNamespace(namespace: Pick<Namespace, 'name' | 'description' | 'apiKeyTag'>): Promise<boolean>;
  /**
   * Removes the namespace and the API keys that are scoped to it, with their quotas,
   * so that a later namespace of the same name does not revive them. Queues, roles
   * and bindings stay.
   *
   * @returns whether it existed, as all removals below.
   */
  removeNamespace(name: string): Promise<boolean>;

  /**
   * Whether a namespace has queues. Until the transaction ends, no queue is added to it
   * by a `QueueStore.create` with `namespaceMustExist`.
   */
  namespaceHasQueues(name: string): Promise<boolean>;

  addUser(user: User): Promise<void>;
  /** Removes the user with all its keys and bindings, and the quotas of the keys. */
  removeUser(id: string): Promise<boolean>;

  addApiKey(key: ApiKey): Promise<void>;
  /** Replaces the secret. A hash may be one that the key had. @returns whether the key exists. */
  updateApiKey(key: Pick<ApiKey, 'id' | 'hash' | 'previous' | 'prefix'>): Promise<boolean>;
  /** Removes the key and its quota. */
  removeApiKey(id: string): Promise<boolean>;

  addRole(role: Role): Promise<void>;
  /** Replaces the permissions. @returns whether the role exists. */
  updateRole(role: Pick<Role, 'id' | 'permissions'>): Promise<boolean>;
  removeRole(id: string): Promise<boolean>;

  addBinding(binding: RoleBinding): Promise<void>;
  removeBinding(id: string): Promise<boolean>;

  /** Adds the quota, or replaces that of the same subject. */
  setQuota(quota: Quota): Promise<void>;
  removeQuota(subject: QuotaSubject): Promise<boolean>;
}

/**
 * Stores namespaces, users, API keys, roles, role bindings, quotas, and the key of
 * sessions. It lives beside the queues' settings.
 *
 * Contract of every driver, for all methods: calls may run concurrently, also
 * from several processes on the same storage. The first call that needs it
 * initialises the store; if that fails, the next call tries again. Each call
 * settles within the backend's time limits. A storage failure is a
 * `StorageError`. Texts come back unchanged, byte by byte. Callers pass valid
 * Unicode without U+0000.
 */
export interface AccessStore extends AccessReads {
  /**
   * Runs `work` in a transaction. Transactions run one after the other, in all
   * processes, so what one reads stays true until it ends. All changes take
   * effect together and are durable when the promise is fulfilled, and the
   * generation has grown. A transaction that changes nothing leaves it alone: it
   * neither added nor removed a record, nor updated one that exists.
   *
   * `work` may run more than once. Every call on its transaction must be awaited
   * before it returns. It must not wait for other calls of the backend: a `change`
   * or `noteUses` would wait for it, and any call may need its connection. If the
   * call fails, nothing was changed, unless the outcome is `unknown`.
   *
   * @param audit makes the event of the change after `work`. It is stored in the
   *   transaction, and is no change itself. Its error fails the call.
   * @throws the error of `work`; then nothing was changed.
   */
  change<T>(work: (transaction: AccessTransaction) => Promise<T>, audit?: MakeAuditEvent): Promise<T>;

  /**
   * A number that every change raises. Cheap to read: each process reads it once
   * a second, and drops what it has cached when the number is another one. 0: the
   * store was never changed.
   */
  generation(): Promise<number>;

  /** The user, the key and the permissions behind one request, in one call. Undefined: there is no such user or key. */
  grants(key: UserKey): Promise<Grants | undefined>;

  /**
   * Sets `lastUsedAt` of keys that exist, unless a later time is stored. Leaves
   * the generation alone.
   */
  noteUses(uses: readonly KeyUse[]): Promise<void>;

  /**
   * The key that seals the sessions of browsers. It is a secret that every process on the
   * storage uses. The first call of all stores its candidate. Every later call gets that one.
   * Leaves the generation alone.
   *
   * @param candidate a new random key, as a text.
   */
  sessionKey(candidate: string): Promise<string>;
}
