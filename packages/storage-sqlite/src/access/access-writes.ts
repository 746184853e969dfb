import { ACCESS_CONFLICTS, type AccessReads, type AccessTransaction, type ApiKey } from '@querator/core';
import type { Transaction } from '../file/transaction.ts';
import { ACCESS_READS, type CallsOf } from './access-reads.ts';

/** What an `AccessTransaction` can change, and what only it may ask. */
export type AccessWrites = Omit<AccessTransaction, keyof AccessReads>;

/** The changes of records. Those that return a boolean say whether there was the record. */
export const ACCESS_WRITES: CallsOf<AccessWrites> = {
  addNamespace(transaction, { name, description, apiKeyTag, createdAt }) {
    if (ACCESS_READS.namespace(transaction, name) !== undefined) throw ACCESS_CONFLICTS.namespace(name);
    transaction.connection.run(
      'insert into namespaces (name, description, api_key_tag, created_at) values (?, ?, ?, ?)',
      ...[name, description, apiKeyTag, createdAt],
    );
  },

  updateNamespace: ({ connection }, { name, description, apiKeyTag }) =>
    connection.run(
      'update namespaces set description = ?, api_key_tag = ? where name = ?',
      ...[description, apiKeyTag, name],
    ) > 0,

  removeNamespace({ connection }, name) {
    if (connection.run('delete from namespaces where name = ?', name) === 0) return false;
    if (name !== '') removeKeys({ connection }, 'namespace_scope', name);
    connection.run(`delete from quotas where kind = 'namespace' and name = ?`, name);
    return true;
  },

  namespaceHasQueues: ({ connection }, name) =>
    connection.get('select 1 from queues where namespace = ? limit 1', name) !== undefined,

  addUser(transaction, { id, username, externalId, email, createdAt, updatedAt }) {
    if (ACCESS_READS.user(transaction, id) !== undefined) throw ACCESS_CONFLICTS.user(id);
    if (ACCESS_READS.userNamed(transaction, username) !== undefined)
      throw ACCESS_CONFLICTS.username(username);
    transaction.connection.run(
      `insert into users (id, username, external_id, email, created_at, updated_at) values (?, ?, ?, ?, ?, ?)`,
      ...[id, username, externalId, email, createdAt, updatedAt],
    );
  },

  removeUser({ connection }, id) {
    if (connection.run('delete from users where id = ?', id) === 0) return false;
    removeKeys({ connection }, 'user_id', id);
    connection.run('delete from role_bindings where user_id = ?', id);
    return true;
  },

  addApiKey(transaction, key) {
    const { id, userId, name, namespaceScope, hash, previous, prefix } = key;
    if (ACCESS_READS.apiKey(transaction, id) !== undefined) throw ACCESS_CONFLICTS.apiKey();
    refuseTakenHashes(transaction, key);
    transaction.connection.run(
      `insert into api_keys (id, user_id, name, namespace_scope, hash, previous_hash, previous_valid_until,
         prefix, expires_at, last_used_at, created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[id, userId, name, namespaceScope, hash, previous?.hash ?? null, previous?.validUntil ?? null],
      ...[prefix, key.expiresAt ?? null, key.lastUsedAt ?? null, key.createdAt],
    );
  },

  updateApiKey(transaction, { id, hash, previous, prefix }) {
    if (ACCESS_READS.apiKey(transaction, id) === undefined) return false;
    refuseTakenHashes(transaction, { id, hash, previous });
    transaction.connection.run(
      'update api_keys set hash = ?, previous_hash = ?, previous_valid_until = ?, prefix = ? where id = ?',
      ...[hash, previous?.hash ?? null, previous?.validUntil ?? null, prefix, id],
    );
    return true;
  },

  removeApiKey({ connection }, id) {
    connection.run(`delete from quotas where kind = 'key' and name = ?`, id);
    return connection.run('delete from api_keys where id = ?', id) > 0;
  },

  addRole(transaction, { id, namespace, name, permissions, createdAt }) {
    const other =
      transaction.connection.get('select 1 from roles where id = ?', id) ??
      ACCESS_READS.role(transaction, namespace, name);
    if (other !== undefined) throw ACCESS_CONFLICTS.role({ namespace, name });
    transaction.connection.run(
      'insert into roles (id, namespace, name, permissions, created_at) values (?, ?, ?, ?, ?)',
      ...[id, namespace, name, JSON.stringify(permissions), createdAt],
    );
  },

  updateRole: ({ connection }, { id, permissions }) =>
    connection.run('update roles set permissions = ? where id = ?', JSON.stringify(permissions), id) > 0,

  removeRole: ({ connection }, id) => connection.run('delete from roles where id = ?', id) > 0,

  addBinding(transaction, { id, userId, namespace, roleId, createdAt }) {
    const other =
      transaction.connection.get('select 1 from role_bindings where id = ?', id) ??
      ACCESS_READS.binding(transaction, { userId, namespace, roleId });
    if (other !== undefined) throw ACCESS_CONFLICTS.binding({ userId, namespace, roleId });
    transaction.connection.run(
      'insert into role_bindings (id, user_id, namespace, role_id, created_at) values (?, ?, ?, ?, ?)',
      ...[id, userId, namespace, roleId, createdAt],
    );
  },

  removeBinding: ({ connection }, id) => connection.run('delete from role_bindings where id = ?', id) > 0,

  setQuota({ connection }, { subject: { kind, name }, limits }) {
    connection.run(
      'insert or replace into quotas (kind, name, limits) values (?, ?, ?)',
      ...[kind, name, JSON.stringify(limits)],
    );
  },

  removeQuota: ({ connection }, { kind, name }) =>
    connection.run('delete from quotas where kind = ? and name = ?', kind, name) > 0,
};

/** Removes keys whose owner or namespace is removed, with their quotas. */
function removeKeys(
  { connection }: Pick<Transaction, 'connection'>,
  column: 'user_id' | 'namespace_scope',
  value: string,
): void {
  connection.run(
    `delete from quotas where kind = 'key' and name in (select id from api_keys where ${column} = ?)`,
    value,
  );
  connection.run(`delete from api_keys where ${column} = ?`, value);
}

/** A hash must not be the present or the previous one of another key, and both of a key differ. */
function refuseTakenHashes(
  { connection }: Transaction,
  { id, hash, previous }: Pick<ApiKey, 'id' | 'hash' | 'previous'>,
): void {
  const isTaken = [hash, previous?.hash ?? hash].some(
    (each) =>
      connection.get(
        `select 1 from api_keys where hash = ?1 and id <> ?2
         union all select 1 from api_keys where previous_hash = ?1 and id <> ?2 limit 1`,
        ...[each, id],
      ) !== undefined,
  );
  if (isTaken || previous?.hash === hash) throw ACCESS_CONFLICTS.apiKeyHash();
}
