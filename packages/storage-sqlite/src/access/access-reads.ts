import type { AccessReads } from '@querator/core';
import type { Value } from '../file/connection.ts';
import type { Transaction } from '../file/transaction.ts';
import { apiKeyOf, bindingOf, namespaceOf, quotaOf, roleOf, userOf } from './access-rows.ts';

/** The methods of a port whose methods are single calls: with a transaction, and synchronous. */
export type CallsOf<Port> = {
  readonly [Name in keyof Port]: Port[Name] extends (...args: infer Args) => Promise<infer Result>
    ? (transaction: Transaction, ...args: Args) => Result
    : never;
};

/** The reads of single records and pages. */
export const ACCESS_READS: CallsOf<AccessReads> = {
  namespace: (transaction, name) => one(transaction, namespaceOf, 'namespaces where name = ?', name),
  namespaces: (transaction, { pivot, limit }) =>
    all(transaction, namespaceOf, 'namespaces where name >= ? order by name limit ?', pivot, limit),
  user: (transaction, id) => one(transaction, userOf, 'users where id = ?', id),
  userNamed: (transaction, username) => one(transaction, userOf, 'users where username = ?', username),
  users: (transaction, { pivot, limit }) =>
    all(transaction, userOf, 'users where id >= ? order by id limit ?', pivot, limit),
  apiKey: (transaction, id) => one(transaction, apiKeyOf, 'api_keys where id = ?', id),
  apiKeys: (transaction, { userId, pivot, limit }) =>
    userId === ''
      ? all(transaction, apiKeyOf, 'api_keys where id >= ? order by id limit ?', pivot, limit)
      : all(
          transaction,
          apiKeyOf,
          'api_keys where user_id = ? and id >= ? order by id limit ?',
          ...[userId, pivot, limit],
        ),
  role: (transaction, namespace, name) =>
    one(transaction, roleOf, 'roles where namespace = ? and name = ?', namespace, name),
  roles: (transaction, { namespace, pivot, limit }) =>
    all(
      transaction,
      roleOf,
      'roles where namespace = ? and id >= ? order by id limit ?',
      ...[namespace, pivot, limit],
    ),
  binding: (transaction, { userId, namespace, roleId }) =>
    one(
      transaction,
      bindingOf,
      'role_bindings where user_id = ? and namespace = ? and role_id = ?',
      ...[userId, namespace, roleId],
    ),
  bindings: (transaction, { namespace, userId, pivot, limit }) =>
    userId === ''
      ? all(
          transaction,
          bindingOf,
          'role_bindings where namespace = ? and id >= ? order by id limit ?',
          ...[namespace, pivot, limit],
        )
      : all(
          transaction,
          bindingOf,
          'role_bindings where user_id = ? and namespace = ? and id >= ? order by id limit ?',
          ...[userId, namespace, pivot, limit],
        ),
  bindingsOf: (transaction, roleId, limit) =>
    all(transaction, bindingOf, 'role_bindings where role_id = ? order by id limit ?', roleId, limit),
  quota: (transaction, { kind, name }) =>
    one(transaction, quotaOf, 'quotas where kind = ? and name = ?', kind, name),
  quotas: (transaction, { kind, pivot, limit }) =>
    all(
      transaction,
      quotaOf,
      'quotas where kind = ? and name >= ? order by name limit ?',
      ...[kind, pivot, limit],
    ),
};

function one<Row, Record>(
  { connection }: Transaction,
  toRecord: (row: Row) => Record,
  from: string,
  ...values: readonly Value[]
): Record | undefined {
  const row = connection.get<Row>(`select * from ${from}`, ...values);
  return row && toRecord(row);
}

function all<Row, Record>(
  { connection }: Transaction,
  toRecord: (row: Row) => Record,
  from: string,
  ...values: readonly Value[]
): Record[] {
  return connection.all<Row>(`select * from ${from}`, ...values).map(toRecord);
}
