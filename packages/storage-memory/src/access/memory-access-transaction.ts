import {
  ACCESS_CONFLICTS,
  type AccessTransaction,
  type ApiKey,
  type Namespace,
  type QueueError,
  type Quota,
  type QuotaSubject,
  type Role,
  type RoleBinding,
  StorageError,
  type User,
} from '@querator/core';
import { type AccessTables, quotaKey } from './access-tables.ts';
import { MemoryAccessReads } from './memory-access-reads.ts';
import { joined } from './record-table.ts';

/** One transaction on a draft of the tables. */
export class MemoryAccessTransaction extends MemoryAccessReads implements AccessTransaction {
  readonly #draft: AccessTables;
  readonly #hasQueues: (namespace: string) => boolean;
  #changed = false;
  #failure: Error | undefined;

  /** @param draft tables that only this transaction uses. */
  constructor(draft: AccessTables, hasQueues: (namespace: string) => boolean) {
    super(() => this.#usable());
    this.#draft = draft;
    this.#hasQueues = hasQueues;
  }

  /**
   * Ends the transaction: later calls on it fail.
   *
   * @returns whether it changed anything.
   * @throws the error of the first call that failed.
   */
  end(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    this.#failure = new StorageError('the transaction is over', { outcome: 'not-applied' });
    return this.#changed;
  }

  async addNamespace(namespace: Namespace): Promise<void> {
    const { namespaces } = this.#usable();
    const { name } = namespace;
    this.#refuseIf(namespaces.get(name), ACCESS_CONFLICTS.namespace(name));
    this.#put(namespaces, namespace);
  }

  async updateNamespace({
    name,
    description,
    apiKeyTag,
  }: Pick<Namespace, 'name' | 'description' | 'apiKeyTag'>): Promise<boolean> {
    const { namespaces } = this.#usable();
    const stored = namespaces.get(name);
    return stored !== undefined && this.#put(namespaces, { ...stored, description, apiKeyTag });
  }

  async removeNamespace(name: string): Promise<boolean> {
    const { namespaces, apiKeys } = this.#usable();
    if (!this.#remove(namespaces, name)) return false;
    this.#removeQuietly([...apiKeys.having('scope', [name])]);
    this.#usable().quotas.remove(quotaKey({ kind: 'namespace', name }));
    return true;
  }

  async namespaceHasQueues(name: string): Promise<boolean> {
    this.#usable();
    return this.#hasQueues(name);
  }

  async addUser(user: User): Promise<void> {
    const { users } = this.#usable();
    const { id, username } = user;
    this.#refuseIf(users.get(id), ACCESS_CONFLICTS.user(id));
    this.#refuseIf(users.find('username', username), ACCESS_CONFLICTS.username(username));
    this.#put(users, user);
  }

  async removeUser(id: string): Promise<boolean> {
    const { users, apiKeys, bindings } = this.#usable();
    if (!this.#remove(users, id)) return false;
    this.#removeQuietly([...apiKeys.having('user', [id])]);
    for (const binding of [...bindings.having('user', [id])]) bindings.remove(binding.id);
    return true;
  }

  async addApiKey(key: ApiKey): Promise<void> {
    const { apiKeys } = this.#usable();
    this.#refuseIf(apiKeys.get(key.id), ACCESS_CONFLICTS.apiKey());
    this.#refuseHashesOf(key);
    this.#put(apiKeys, key);
  }

  async updateApiKey({
    id,
    hash,
    previous,
    prefix,
  }: Pick<ApiKey, 'id' | 'hash' | 'previous' | 'prefix'>): Promise<boolean> {
    const { apiKeys } = this.#usable();
    const stored = apiKeys.get(id);
    if (stored === undefined) return false;
    this.#refuseHashesOf({ id, hash, previous });
    return this.#put(apiKeys, { ...stored, hash, previous, prefix });
  }

  async removeApiKey(id: string): Promise<boolean> {
    const { apiKeys, quotas } = this.#usable();
    quotas.remove(quotaKey({ kind: 'key', name: id }));
    return this.#remove(apiKeys, id);
  }

  async addRole(role: Role): Promise<void> {
    const { roles } = this.#usable();
    const { id, namespace, name } = role;
    this.#refuseIf(roles.get(id) ?? roles.find('name', joined(namespace, name)), ACCESS_CONFLICTS.role(role));
    this.#put(roles, role);
  }

  async updateRole({ id, permissions }: Pick<Role, 'id' | 'permissions'>): Promise<boolean> {
    const { roles } = this.#usable();
    const stored = roles.get(id);
    return stored !== undefined && this.#put(roles, { ...stored, permissions });
  }

  async removeRole(id: string): Promise<boolean> {
    return this.#remove(this.#usable().roles, id);
  }

  async addBinding(binding: RoleBinding): Promise<void> {
    const { bindings } = this.#usable();
    const { id, userId, namespace, roleId } = binding;
    const other = bindings.get(id) ?? bindings.find('content', joined(userId, namespace, roleId));
    this.#refuseIf(other, ACCESS_CONFLICTS.binding(binding));
    this.#put(bindings, binding);
  }

  async removeBinding(id: string): Promise<boolean> {
    return this.#remove(this.#usable().bindings, id);
  }

  async setQuota(quota: Quota): Promise<void> {
    this.#put(this.#usable().quotas, quota);
  }

  async removeQuota(subject: QuotaSubject): Promise<boolean> {
    return this.#remove(this.#usable().quotas, quotaKey(subject));
  }

  /** Removes keys whose owner or namespace is removed, with their quotas. */
  #removeQuietly(keys: readonly ApiKey[]): void {
    const { apiKeys, quotas } = this.#usable();
    for (const { id } of keys) {
      apiKeys.remove(id);
      quotas.remove(quotaKey({ kind: 'key', name: id }));
    }
  }

  #usable(): AccessTables {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#draft;
  }

  #put<R>(table: { put(record: R): void }, record: R): true {
    table.put(frozen(record));
    this.#changed = true;
    return true;
  }

  #remove(table: { remove(key: string): boolean }, key: string): boolean {
    const existed = table.remove(key);
    this.#changed ||= existed;
    return existed;
  }

  #refuseHashesOf({ id, hash, previous }: Pick<ApiKey, 'id' | 'hash' | 'previous'>): void {
    for (const each of previous === undefined ? [hash] : [hash, previous.hash]) {
      const owner = this.#draft.apiKeys.find('hash', each);
      this.#refuseIf(owner?.id === id ? undefined : owner, ACCESS_CONFLICTS.apiKeyHash());
    }
    this.#refuseIf(previous?.hash === hash ? previous : undefined, ACCESS_CONFLICTS.apiKeyHash());
  }

  /** Fails the transaction if there is a record that the new one collides with. */
  #refuseIf(existing: unknown, conflict: QueueError): void {
    if (existing === undefined) return;
    this.#failure = conflict;
    throw conflict;
  }
}

/** A copy that neither the caller nor a reader can change. */
function frozen<R>(record: R): R {
  const copy = structuredClone(record);
  for (const value of Object.values(copy as object)) Object.freeze(value);
  return Object.freeze(copy);
}
