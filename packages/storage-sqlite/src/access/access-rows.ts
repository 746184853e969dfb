import {
  type ApiKey,
  type Instant,
  instantFromMicroseconds,
  type Namespace,
  type Quota,
  type QuotaKind,
  type QuotaLimits,
  type Role,
  type RoleBinding,
  type User,
} from '@querator/core';

export interface NamespaceRow {
  readonly name: string;
  readonly description: string;
  readonly api_key_tag: string;
  readonly created_at: bigint;
}

export interface UserRow {
  readonly id: string;
  readonly username: string;
  readonly external_id: string;
  readonly email: string;
  readonly created_at: bigint;
  readonly updated_at: bigint;
}

export interface ApiKeyRow {
  readonly id: string;
  readonly user_id: string;
  readonly name: string;
  readonly namespace_scope: string;
  readonly hash: string;
  readonly previous_hash: string | null;
  readonly previous_valid_until: bigint | null;
  readonly prefix: string;
  readonly expires_at: bigint | null;
  readonly last_used_at: bigint | null;
  readonly created_at: bigint;
}

export interface RoleRow {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  /** As JSON. */
  readonly permissions: string;
  readonly created_at: bigint;
}

export interface BindingRow {
  readonly id: string;
  readonly user_id: string;
  readonly namespace: string;
  readonly role_id: string;
  readonly created_at: bigint;
}

export interface QuotaRow {
  readonly kind: string;
  readonly name: string;
  /** As JSON. */
  readonly limits: string;
}

export function namespaceOf(row: NamespaceRow): Namespace {
  const { name, description, api_key_tag: apiKeyTag } = row;
  return { name, description, apiKeyTag, createdAt: instantFromMicroseconds(row.created_at) };
}

export function userOf(row: UserRow): User {
  const { id, username, external_id: externalId, email } = row;
  const createdAt = instantFromMicroseconds(row.created_at);
  return { id, username, externalId, email, createdAt, updatedAt: instantFromMicroseconds(row.updated_at) };
}

export function apiKeyOf(row: ApiKeyRow): ApiKey {
  const { id, user_id: userId, name, namespace_scope: namespaceScope, hash, prefix } = row;
  const validUntil = instantOf(row.previous_valid_until);
  return {
    ...{ id, userId, name, namespaceScope, hash, prefix },
    previous:
      row.previous_hash === null || validUntil === undefined
        ? undefined
        : { hash: row.previous_hash, validUntil },
    expiresAt: instantOf(row.expires_at),
    lastUsedAt: instantOf(row.last_used_at),
    createdAt: instantFromMicroseconds(row.created_at),
  };
}

export function roleOf({ id, namespace, name, permissions, created_at: createdAt }: RoleRow): Role {
  const names = JSON.parse(permissions) as string[];
  return { id, namespace, name, permissions: names, createdAt: instantFromMicroseconds(createdAt) };
}

export function bindingOf(row: BindingRow): RoleBinding {
  const { id, user_id: userId, namespace, role_id: roleId } = row;
  return { id, userId, namespace, roleId, createdAt: instantFromMicroseconds(row.created_at) };
}

export function quotaOf({ kind, name, limits }: QuotaRow): Quota {
  return { subject: { kind: kind as QuotaKind, name }, limits: JSON.parse(limits) as QuotaLimits };
}

function instantOf(value: bigint | null): Instant | undefined {
  return value === null ? undefined : instantFromMicroseconds(value);
}
