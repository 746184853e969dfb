import {
  type AccessStore,
  type AccessTransaction,
  type ApiKey,
  type Grants,
  type KeyUse,
  type MakeAuditEvent,
  noSuchNamespace,
  type RoleBinding,
  type User,
  type UserKey,
} from '@querator/core';
import type { MemoryAuditStore } from '../audit/memory-audit-store.ts';
import { AccessTables } from './access-tables.ts';
import { MemoryAccessReads } from './memory-access-reads.ts';
import { MemoryAccessTransaction } from './memory-access-transaction.ts';

/** Users and their rights in memory. */
export class MemoryAccessStore extends MemoryAccessReads implements AccessStore {
  readonly #assertOpen: () => void;
  readonly #events: Pick<MemoryAuditStore, 'prepare'>;
  readonly #hasQueues: (namespace: string) => boolean;
  #tables = new AccessTables();
  #generation = 0;
  #sessionKey: string | undefined;
  /** Settles when the last of the changes that wait has ended. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: {
    readonly assertOpen: () => void;
    readonly events: Pick<MemoryAuditStore, 'prepare'>;
    readonly hasQueues: (namespace: string) => boolean;
  }) {
    super(() => this.#openTables());
    this.#assertOpen = deps.assertOpen;
    this.#events = deps.events;
    this.#hasQueues = deps.hasQueues;
  }

  async change<T>(work: (transaction: AccessTransaction) => Promise<T>, audit?: MakeAuditEvent): Promise<T> {
    return this.#inTurn(async () => {
      const draft = new AccessTables(this.#openTables());
      const transaction = new MemoryAccessTransaction(draft, this.#hasQueues);
      const result = await work(transaction);
      const changed = transaction.end();
      const storeEvent = this.#events.prepare(audit);
      this.#assertOpen();
      draft.commit();
      storeEvent();
      if (changed) this.#generation++;
      return result;
    });
  }

  /**
   * Runs `work` while a namespace exists and no transaction changes that.
   *
   * @throws QueueError `failed` if there is no such namespace; the error of `work`.
   */
  inNamespace<T>(name: string, work: () => T): Promise<T> {
    return this.#inTurn(async () => {
      if (this.#openTables().namespaces.get(name) === undefined) throw noSuchNamespace(name);
      return work();
    });
  }

  async generation(): Promise<number> {
    this.#assertOpen();
    return this.#generation;
  }

  async grants(key: UserKey): Promise<Grants | undefined> {
    const tables = this.#openTables();
    const { user, apiKey } = find(tables, key);
    if (user === undefined) return undefined;
    const permissions = permissionsOf(tables, tables.bindings.having('user', [user.id]));
    return { generation: this.#generation, user, apiKey, permissions };
  }

  async noteUses(uses: readonly KeyUse[]): Promise<void> {
    // In turn, since a draft that has the key would bring the earlier time back.
    await this.#inTurn(async () => {
      const { apiKeys } = this.#openTables();
      for (const { keyId, at } of uses) {
        const stored = apiKeys.get(keyId);
        if (stored === undefined || (stored.lastUsedAt !== undefined && stored.lastUsedAt >= at)) continue;
        apiKeys.put(Object.freeze({ ...stored, lastUsedAt: at }));
      }
    });
  }

  async sessionKey(candidate: string): Promise<string> {
    this.#assertOpen();
    this.#sessionKey ??= candidate;
    return this.#sessionKey;
  }

  /** Releases everything when the backend closes. */
  clear(): void {
    this.#tables = new AccessTables();
    this.#sessionKey = undefined;
  }

  #openTables(): AccessTables {
    this.#assertOpen();
    return this.#tables;
  }

  /** Runs `task` after those that were given before. */
  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const run = this.#last.then(task);
    this.#last = run.catch(() => {});
    return run;
  }
}

function find(
  { users, apiKeys }: AccessTables,
  key: UserKey,
): { readonly user: User | undefined; readonly apiKey: ApiKey | undefined } {
  if ('userId' in key) return { user: users.get(key.userId), apiKey: undefined };
  if ('username' in key) return { user: users.find('username', key.username), apiKey: undefined };
  const apiKey = apiKeys.find('hash', key.keyHash);
  return { user: apiKey && users.get(apiKey.userId), apiKey };
}

function permissionsOf(
  { roles }: AccessTables,
  bindings: Iterable<RoleBinding>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const permissions = new Map<string, Set<string>>();
  for (const { namespace, roleId } of bindings) {
    const granted = roles.get(roleId)?.permissions ?? [];
    if (granted.length === 0) continue;
    const before = permissions.get(namespace);
    if (before === undefined) permissions.set(namespace, new Set(granted));
    else for (const permission of granted) before.add(permission);
  }
  return permissions;
}
