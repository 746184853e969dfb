import type { ApiKey, Namespace, Quota, QuotaSubject, Role, RoleBinding, User } from '@querator/core';
import { joined, RecordTable, type TableLayout } from './record-table.ts';

const NAMESPACES: TableLayout<Namespace, never> = { key: ({ name }) => name, indexes: {} };

const USERS: TableLayout<User, 'username'> = {
  key: ({ id }) => id,
  indexes: { username: ({ username }) => [username] },
};

const API_KEYS: TableLayout<ApiKey, 'hash' | 'user' | 'scope'> = {
  key: ({ id }) => id,
  indexes: {
    hash: ({ hash, previous }) => (previous === undefined ? [hash] : [hash, previous.hash]),
    user: ({ userId, id }) => [joined(userId, id)],
    scope: ({ namespaceScope, id }) => (namespaceScope === '' ? [] : [joined(namespaceScope, id)]),
  },
};

const ROLES: TableLayout<Role, 'name' | 'namespace'> = {
  key: ({ id }) => id,
  indexes: {
    name: ({ namespace, name }) => [joined(namespace, name)],
    namespace: ({ namespace, id }) => [joined(namespace, id)],
  },
};

const BINDINGS: TableLayout<RoleBinding, 'content' | 'user' | 'namespace' | 'role'> = {
  key: ({ id }) => id,
  indexes: {
    content: ({ userId, namespace, roleId }) => [joined(userId, namespace, roleId)],
    user: ({ userId, id }) => [joined(userId, id)],
    namespace: ({ namespace, id }) => [joined(namespace, id)],
    role: ({ roleId, id }) => [joined(roleId, id)],
  },
};

const QUOTAS: TableLayout<Quota, never> = { key: ({ subject }) => quotaKey(subject), indexes: {} };

/** The key of a quota. Those of one kind are beside each other, in order of their names. */
export function quotaKey({ kind, name }: QuotaSubject): string {
  return joined(kind, name);
}

/** All records of access control. */
export class AccessTables {
  readonly namespaces: RecordTable<Namespace, never>;
  readonly users: RecordTable<User, 'username'>;
  readonly apiKeys: RecordTable<ApiKey, 'hash' | 'user' | 'scope'>;
  readonly roles: RecordTable<Role, 'name' | 'namespace'>;
  readonly bindings: RecordTable<RoleBinding, 'content' | 'user' | 'namespace' | 'role'>;
  readonly quotas: RecordTable<Quota, never>;

  /** @param base the tables that these are a draft of. Undefined: none. */
  constructor(base?: AccessTables) {
    this.namespaces = new RecordTable(NAMESPACES, base?.namespaces);
    this.users = new RecordTable(USERS, base?.users);
    this.apiKeys = new RecordTable(API_KEYS, base?.apiKeys);
    this.roles = new RecordTable(ROLES, base?.roles);
    this.bindings = new RecordTable(BINDINGS, base?.bindings);
    this.quotas = new RecordTable(QUOTAS, base?.quotas);
  }

  /** Applies the changes of a draft to its base. */
  commit(): void {
    const { namespaces, users, apiKeys, roles, bindings, quotas } = this;
    for (const table of [namespaces, users, apiKeys, roles, bindings, quotas]) table.commit();
  }
}
