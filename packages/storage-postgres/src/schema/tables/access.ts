import type { QuotaKind, QuotaLimits } from '@querator/core';
import type { PgTable } from 'drizzle-orm/pg-core';
import { bigint, index, integer, jsonb, pgTable, sql, text, uniqueIndex } from '../drizzle.ts';
import { bytewiseText, timestamptz } from './column-types.ts';

/*
 * The tables of access control. They have no version, since servers that do not know
 * them can work beside them. They are created at the first use of the access store.
 *
 * There are no foreign keys: a record may name others that do not exist.
 */

/** The namespaces; see core's `Namespace`. */
const namespacesTable = pgTable('querator_namespaces', {
  name: bytewiseText('name').primaryKey(),
  description: text('description').notNull(),
  apiKeyTag: text('api_key_tag').notNull(),
  createdAt: timestamptz('created_at').notNull(),
});

/** The users; see core's `User`. */
const usersTable = pgTable(
  'querator_users',
  {
    id: bytewiseText('id').primaryKey(),
    username: bytewiseText('username').notNull(),
    externalId: text('external_id').notNull(),
    email: text('email').notNull(),
    createdAt: timestamptz('created_at').notNull(),
    updatedAt: timestamptz('updated_at').notNull(),
  },
  (user) => [uniqueIndex('querator_users_username').on(user.username)],
);

/** The API keys, without their texts; see core's `ApiKey`. */
const apiKeysTable = pgTable(
  'querator_api_keys',
  {
    id: bytewiseText('id').primaryKey(),
    userId: bytewiseText('user_id').notNull(),
    name: text('name').notNull(),
    namespaceScope: bytewiseText('namespace_scope').notNull(),
    hash: bytewiseText('hash').notNull(),
    previousHash: bytewiseText('previous_hash'),
    previousValidUntil: timestamptz('previous_valid_until'),
    prefix: text('prefix').notNull(),
    expiresAt: timestamptz('expires_at'),
    lastUsedAt: timestamptz('last_used_at'),
    createdAt: timestamptz('created_at').notNull(),
  },
  (key) => [
    uniqueIndex('querator_api_keys_hash').on(key.hash),
    uniqueIndex('querator_api_keys_previous').on(key.previousHash).where(sql`previous_hash IS NOT NULL`),
    index('querator_api_keys_user').on(key.userId, key.id),
    index('querator_api_keys_scope').on(key.namespaceScope, key.id).where(sql`namespace_scope <> ''`),
  ],
);

/** The roles; see core's `Role`. */
const rolesTable = pgTable(
  'querator_roles',
  {
    id: bytewiseText('id').primaryKey(),
    namespace: bytewiseText('namespace').notNull(),
    name: bytewiseText('name').notNull(),
    permissions: jsonb('permissions').$type<readonly string[]>().notNull(),
    createdAt: timestamptz('created_at').notNull(),
  },
  (role) => [
    uniqueIndex('querator_roles_name').on(role.namespace, role.name),
    index('querator_roles_namespace').on(role.namespace, role.id),
  ],
);

/** The role bindings; see core's `RoleBinding`. */
const roleBindingsTable = pgTable(
  'querator_role_bindings',
  {
    id: bytewiseText('id').primaryKey(),
    userId: bytewiseText('user_id').notNull(),
    namespace: bytewiseText('namespace').notNull(),
    roleId: bytewiseText('role_id').notNull(),
    createdAt: timestamptz('created_at').notNull(),
  },
  (binding) => [
    uniqueIndex('querator_role_bindings_content').on(binding.userId, binding.namespace, binding.roleId),
    index('querator_role_bindings_namespace').on(binding.namespace, binding.id),
    index('querator_role_bindings_user').on(binding.namespace, binding.userId, binding.id),
    index('querator_role_bindings_role').on(binding.roleId, binding.id),
  ],
);

/** The quotas; see core's `Quota`. */
const quotasTable = pgTable(
  'querator_quotas',
  {
    kind: bytewiseText('kind').$type<QuotaKind>().notNull(),
    name: bytewiseText('name').notNull(),
    limits: jsonb('limits').$type<QuotaLimits>().notNull(),
  },
  (quota) => [uniqueIndex('querator_quotas_subject').on(quota.kind, quota.name)],
);

/** One row, whose lock makes changes run one after the other. */
const accessStateTable = pgTable('querator_access_state', {
  id: integer('id').primaryKey(),
  generation: bigint('generation', { mode: 'bigint' }).notNull(),
});

/** All tables of access control, by what they hold. */
export const ACCESS_TABLES = {
  namespaces: namespacesTable,
  users: usersTable,
  apiKeys: apiKeysTable,
  roles: rolesTable,
  bindings: roleBindingsTable,
  quotas: quotasTable,
  state: accessStateTable,
} as const satisfies Readonly<Record<string, PgTable>>;

/** The only row of the table `state`. */
export const STATE_ID = 1;

/** A record of the state of a store that was never changed. @param state the table as SQL. */
export function insertState(state: string): string {
  return `INSERT INTO ${state} (id, generation) VALUES (${STATE_ID}, 0) ON CONFLICT DO NOTHING`;
}
