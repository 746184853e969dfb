import { type AccessReads, type Grants, type KeyUse, noSuchNamespace, type UserKey } from '@querator/core';
import type { Transaction } from '../file/transaction.ts';
import { ACCESS_READS } from './access-reads.ts';
import { type ApiKeyRow, apiKeyOf } from './access-rows.ts';
import { ACCESS_WRITES, type AccessWrites } from './access-writes.ts';

/** Names a method of a port, with its arguments. */
export interface Method<Port> {
  readonly method: keyof Port;
  readonly args: readonly unknown[];
}

function readAccess(transaction: Transaction, { method, args }: Method<AccessReads>): unknown {
  const read = ACCESS_READS[method] as (transaction: Transaction, ...args: readonly unknown[]) => unknown;
  return read(transaction, ...args);
}

function writeAccess(transaction: Transaction, { method, args }: Method<AccessWrites>): unknown {
  const write = ACCESS_WRITES[method] as (transaction: Transaction, ...args: readonly unknown[]) => unknown;
  return write(transaction, ...args);
}

function accessGeneration({ connection }: Transaction, _: null): number {
  const row = connection.get<{ value: bigint }>(`select value from numbers where name = 'access_generation'`);
  return Number(row?.value ?? 0n);
}

function raiseAccessGeneration({ connection }: Transaction, _: null): void {
  connection.run(`update numbers set value = value + 1 where name = 'access_generation'`);
}

/** Everything in one snapshot. SQLite merges the roles: their lists may be long. */
function accessGrants(transaction: Transaction, { key }: { readonly key: UserKey }): Grants | undefined {
  const { connection } = transaction;
  const row =
    'keyHash' in key
      ? connection.get<ApiKeyRow>(
          `select * from api_keys where hash = ?1
           union all select * from api_keys where previous_hash = ?1 limit 1`,
          key.keyHash,
        )
      : undefined;
  const user =
    'username' in key
      ? ACCESS_READS.userNamed(transaction, key.username)
      : ACCESS_READS.user(transaction, 'userId' in key ? key.userId : (row?.user_id ?? ''));
  if (user === undefined) return undefined;
  const granted = connection.all<{ namespace: string; permission: string }>(
    `select distinct bound.namespace, listed.value as permission
     from role_bindings as bound join roles on roles.id = bound.role_id, json_each(roles.permissions) as listed
     where bound.user_id = ?`,
    user.id,
  );
  const permissions = new Map<string, Set<string>>();
  for (const { namespace, permission } of granted) {
    const before = permissions.get(namespace);
    if (before === undefined) permissions.set(namespace, new Set([permission]));
    else before.add(permission);
  }
  const generation = accessGeneration(transaction, null);
  return { generation, user, apiKey: row && apiKeyOf(row), permissions };
}

function noteKeyUses({ connection }: Transaction, { uses }: { readonly uses: readonly KeyUse[] }): void {
  for (const { keyId, at } of uses) {
    connection.run(
      'update api_keys set last_used_at = ?1 where id = ?2 and (last_used_at is null or last_used_at < ?1)',
      ...[at, keyId],
    );
  }
}

function sessionKey({ connection }: Transaction, { candidate }: { readonly candidate: string }): string {
  connection.run(`insert into secrets values ('session_key', ?) on conflict do nothing`, candidate);
  const row = connection.get<{ value: string }>(`select value from secrets where name = 'session_key'`);
  return row?.value ?? candidate;
}

/** @throws QueueError `failed` if the namespace does not exist. */
export function requireNamespace(transaction: Transaction, name: string): void {
  if (ACCESS_READS.namespace(transaction, name) === undefined) throw noSuchNamespace(name);
}

/** The calls on users and their rights. */
export const ACCESS_CALLS = {
  readAccess,
  writeAccess,
  accessGeneration,
  raiseAccessGeneration,
  accessGrants,
  noteKeyUses,
  sessionKey,
};
