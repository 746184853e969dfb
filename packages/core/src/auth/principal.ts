import type { Instant } from '../time/instant.ts';
import type { Permission } from './permission.ts';

/** The id and the name of the user for requests without credentials. */
export const ANONYMOUS = 'anonymous';

/** Who makes a request. */
export interface Principal {
  /** The id of the user; {@link ANONYMOUS} for requests without credentials. */
  readonly userId: string;
  readonly username: string;
  /** The API key of the request. Undefined: there was none. */
  readonly keyId: string | undefined;
  /** When the credentials end. Undefined: never. */
  readonly expiresAt: Instant | undefined;
  /** The only namespace in which the key is valid. Empty: all namespaces. */
  readonly namespaceScope: string;
}

/**
 * What one caller may do, at the moment of the request. Embedders that pass no
 * caller are trusted.
 */
export interface Caller {
  readonly principal: Principal;

  /** Whether the caller holds a permission in a namespace. Reads memory only. */
  may(permission: Permission, namespace: string): boolean;
}
