import type { ApiKey, Instant, Namespace, Role, RoleBinding, User } from '@querator/core';
import type { Timestamp } from '../gen/google/protobuf/timestamp.ts';
import type { APIKeyMetadata } from '../gen/querator/apikeys.ts';
import type { NamespaceInfo } from '../gen/querator/namespaces.ts';
import type { RoleBinding as RoleBindingMessage, Role as RoleMessage } from '../gen/querator/roles.ts';
import type { User as UserMessage } from '../gen/querator/users.ts';
import { toTimestamp } from '../time/wire-time.ts';

/** The wire form of a namespace. */
export function fromNamespace({ name, description, apiKeyTag, createdAt }: Namespace): NamespaceInfo {
  return { name, description, apiKeyTag, createdAt: toTimestamp(createdAt) };
}

/** The wire form of a user. */
export function fromUser({ id, username, externalId, email, createdAt, updatedAt }: User): UserMessage {
  const times = { createdAt: toTimestamp(createdAt), updatedAt: toTimestamp(updatedAt) };
  return { id, username, externalId, email, ...times };
}

/** The wire form of a key: neither secret nor hash. */
export function fromApiKey(key: ApiKey): APIKeyMetadata {
  const { id, userId, namespaceScope, name, prefix } = key;
  return {
    id,
    userId,
    namespaceScope,
    name,
    prefix,
    expiresAt: optionalTimestamp(key.expiresAt),
    lastUsedAt: optionalTimestamp(key.lastUsedAt),
    createdAt: toTimestamp(key.createdAt),
  };
}

/** The wire form of a role. */
export function fromRole({ id, namespace, name, permissions, createdAt }: Role): RoleMessage {
  return { id, namespace, name, permissions: [...permissions], createdAt: toTimestamp(createdAt) };
}

/** The wire form of a binding. */
export function fromRoleBinding(binding: RoleBinding): RoleBindingMessage {
  const { id, namespace, userId, roleId, createdAt } = binding;
  return { id, namespace, userId, roleId, createdAt: toTimestamp(createdAt) };
}

function optionalTimestamp(instant: Instant | undefined): Timestamp | undefined {
  return instant === undefined ? undefined : toTimestamp(instant);
}
