import type {
  AccessListRequest,
  AccessReads,
  ApiKey,
  Namespace,
  Quota,
  QuotaKind,
  QuotaSubject,
  Role,
  RoleBinding,
  User,
} from '@querator/core';
import { type AccessTables, quotaKey } from './access-tables.ts';
import { joined } from './record-table.ts';

/** Reads from tables in memory. Records are frozen, so they are given out as they are. */
export class MemoryAccessReads implements AccessReads {
  readonly #tables: () => AccessTables;

  /** @param tables throws if they must not be used now. */
  constructor(tables: () => AccessTables) {
    this.#tables = tables;
  }

  async namespace(name: string): Promise<Namespace | undefined> {
    return this.#tables().namespaces.get(name);
  }

  async namespaces({ pivot, limit }: AccessListRequest): Promise<readonly Namespace[]> {
    return page(this.#tables().namespaces.from(pivot), limit);
  }

  async user(id: string): Promise<User | undefined> {
    return this.#tables().users.get(id);
  }

  async userNamed(username: string): Promise<User | undefined> {
    return this.#tables().users.find('username', username);
  }

  async users({ pivot, limit }: AccessListRequest): Promise<readonly User[]> {
    return page(this.#tables().users.from(pivot), limit);
  }

  async apiKey(id: string): Promise<ApiKey | undefined> {
    return this.#tables().apiKeys.get(id);
  }

  async apiKeys({
    pivot,
    limit,
    userId,
  }: AccessListRequest & { readonly userId: string }): Promise<readonly ApiKey[]> {
    const { apiKeys } = this.#tables();
    return page(userId === '' ? apiKeys.from(pivot) : apiKeys.having('user', [userId], pivot), limit);
  }

  async role(namespace: string, name: string): Promise<Role | undefined> {
    return this.#tables().roles.find('name', joined(namespace, name));
  }

  async roles({
    pivot,
    limit,
    namespace,
  }: AccessListRequest & { readonly namespace: string }): Promise<readonly Role[]> {
    return page(this.#tables().roles.having('namespace', [namespace], pivot), limit);
  }

  async binding({
    userId,
    namespace,
    roleId,
  }: Pick<RoleBinding, 'userId' | 'namespace' | 'roleId'>): Promise<RoleBinding | undefined> {
    return this.#tables().bindings.find('content', joined(userId, namespace, roleId));
  }

  async bindings({
    pivot,
    limit,
    namespace,
    userId,
  }: AccessListRequest & { readonly namespace: string; readonly userId: string }): Promise<
    readonly RoleBinding[]
  > {
    const { bindings } = this.#tables();
    if (userId === '') return page(bindings.having('namespace', [namespace], pivot), limit);
    const ofUser = bindings.having('user', [userId], pivot);
    return page(ofUser, limit, (binding) => binding.namespace === namespace);
  }

  async bindingsOf(roleId: string, limit: number): Promise<readonly RoleBinding[]> {
    return page(this.#tables().bindings.having('role', [roleId]), limit);
  }

  async quota(subject: QuotaSubject): Promise<Quota | undefined> {
    return this.#tables().quotas.get(quotaKey(subject));
  }

  async quotas({
    kind,
    pivot,
    limit,
  }: AccessListRequest & { readonly kind: QuotaKind }): Promise<readonly Quota[]> {
    const { quotas } = this.#tables();
    return page(quotas.from(quotaKey({ kind, name: pivot })), limit, ({ subject }) => subject.kind === kind);
  }
}

function page<R>(records: Iterable<R>, limit: number, accepts = (_record: R) => true): readonly R[] {
  const found: R[] = [];
  for (const record of records) {
    if (found.length >= limit) break;
    if (accepts(record)) found.push(record);
  }
  return found;
}
