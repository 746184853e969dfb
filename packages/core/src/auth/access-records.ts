import type { Instant } from '../time/instant.ts';

/** A namespace: the border of a tenant. Queues, roles and role bindings belong to one. */
export interface Namespace {
  /** Unique. 1 to 256 bytes. */
  readonly name: string;
  /** Free text. */
  readonly description: string;
  /** The tag of new API keys that are scoped to the namespace. Empty: none. */
  readonly apiKeyTag: string;
  readonly createdAt: Instant;
}

/** Someone who can own API keys. Users belong to no namespace. */
export interface User {
  /** A KSUID, or `anonymous`. Lists are in its byte order. */
  readonly id: string;
  /** Unique. 1 to 128 bytes. */
  readonly username: string;
  /** The id of the user in another system. Empty: none. */
  readonly externalId: string;
  /** Empty: none. */
  readonly email: string;
  readonly createdAt: Instant;
  readonly updatedAt: Instant;
}

/** The secret that a key had before it was rotated. It stays valid for a time of grace. */
export interface PreviousSecret {
  /** The hash of the earlier key text. */
  readonly hash: string;
  /** The deadline of the earlier secret. */
  readonly validUntil: Instant;
}

/** An API key. Its text is not stored, only the hash. */
export interface ApiKey {
  /** A KSUID. Lists are in its byte order. */
  readonly id: string;
  /** The owner. */
  readonly userId: string;
  /** A label; at most 128 bytes. */
  readonly name: string;
  /** The only namespace in which the key is valid. Empty: all namespaces. It need not exist. */
  readonly namespaceScope: string;
  /** SHA-256 of the whole key text, as base64url without padding. Unique among all hashes. */
  readonly hash: string;
  /** Undefined: the key was not rotated. */
  readonly previous: PreviousSecret | undefined;
  /** The first characters of the key, by which people distinguish keys. */
  readonly prefix: string;
  /** Undefined: the key never expires. */
  readonly expiresAt: Instant | undefined;
  /** Undefined: never used. It may be some seconds old. */
  readonly lastUsedAt: Instant | undefined;
  readonly createdAt: Instant;
}

/** A named set of permissions. */
export interface Role {
  /** A KSUID. Lists are in its byte order. */
  readonly id: string;
  /** The name is unique in its namespace. */
  readonly namespace: string;
  readonly name: string;
  /** Names of permissions, in the order they were given. A newer server may have stored unknown ones. */
  readonly permissions: readonly string[];
  readonly createdAt: Instant;
}

/** Gives a user the permissions of a role in one namespace. */
export interface RoleBinding {
  /** A KSUID. Lists are in its byte order. */
  readonly id: string;
  /** The combination of user, namespace and role is unique. */
  readonly userId: string;
  /** Where the user gets the permissions. A standard role lives in `_system` and can be bound anywhere. */
  readonly namespace: string;
  readonly roleId: string;
  readonly createdAt: Instant;
}
