import type {
  ApiKey,
  Instant,
  Namespace,
  Quota,
  QuotaKind,
  QuotaLimits,
  Role,
  RoleBinding,
  User,
} from '@querator/core';
import { instantFromText, instantToText } from '../wire/instant-text.ts';

/** A row of `querator_namespaces` as `pg` returns it. */
export interface NamespaceRow {
  readonly name: string;
  readonly description: string;
  readonly api_key_tag: string;
  readonly created_at: string;
}

/** A row of `querator_users`. */
export interface UserRow {
  readonly id: string;
  readonly username: string;
  readonly external_id: string;
  readonly email: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A row of `querator_api_keys`. */
export interface ApiKeyRow {
  readonly id: string;
  readonly user_id: string;
  readonly name: string;
  readonly namespace_scope: string;
  readonly hash: string;
  readonly previous_hash: string | null;
  readonly previous_valid_until: string | null;
  readonly prefix: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
  readonly created_at: string;
}

/** A row of `querator_roles`. */
export interface RoleRow {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly permissions: readonly string[];
  readonly created_at: string;
}

/** A row of `querator_role_bindings`. */
export interface BindingRow {
  readonly id: string;
  readonly user_id: string;
  readonly namespace: string;
  readonly role_id: string;
  readonly created_at: string;
}

/** A row of `querator_quotas`. */
export interface QuotaRow {
  readonly kind: QuotaKind;
  readonly name: string;
  readonly limits: QuotaLimits;
}

export function rowToNamespace(row: NamespaceRow): Namespace {
  return {
    name: row.name,
    description: row.description,
    apiKeyTag: row.api_key_tag,
    createdAt: instantFromText(row.created_at),
  };
}

export function rowToUser(row: UserRow): User {
  return {
    id: row.id,
    username: row.username,
    externalId: row.external_id,
    email: row.email,
    createdAt: instantFromText(row.created_at),
    updatedAt: instantFromText(row.updated_at),
  };
}

export function rowToApiKey(row: ApiKeyRow): ApiKey {
  const { previous_hash: previousHash, previous_valid_until: validUntil } = row;
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    namespaceScope: row.namespace_scope,
    hash: row.hash,
    previous:
      previousHash === null || validUntil === null
        ? undefined
        : { hash: previousHash, validUntil: instantFromText(validUntil) },
    prefix: row.prefix,
    expiresAt: optionalInstant(row.expires_at),
    lastUsedAt: optionalInstant(row.last_used_at),
    createdAt: instantFromText(row.created_at),
  };
}

export function rowToRole(row: RoleRow): Role {
  return {
    id: row.id,
    namespace: row.namespace,
    name: row.name,
    permissions: row.permissions,
    createdAt: instantFromText(row.created_at),
  };
}

export function rowToBinding(row: BindingRow): RoleBinding {
  return {
    id: row.id,
    userId: row.user_id,
    namespace: row.namespace,
    roleId: row.role_id,
    createdAt: instantFromText(row.created_at),
  };
}

export function rowToQuota({ kind, name, limits }: QuotaRow): Quota {
  return { subject: { kind, name }, limits };
}

/** An instant, or null, as a parameter. */
export function toParameter(instant: Instant | undefined): string | null {
  return instant === undefined ? null : instantToText(instant);
}

function optionalInstant(text: string | null): Instant | undefined {
  return text === null ? undefined : instantFromText(text);
}
