import {
  accessDenied,
  type Caller,
  type Grants,
  type Permission,
  type Principal,
  SYSTEM_NAMESPACE,
} from '@querator/core';

/** Permissions that read lists. A scoped key keeps those of `_system`, as in the reference server. */
const LISTS = /\.list$/;

/** @throws QueueError `forbidden` unless the caller holds the permission. */
export function require(caller: Caller, permission: Permission, namespace: string): void {
  if (!caller.may(permission, namespace)) throw accessDenied();
}

/** A caller whose permissions come from a store. They are those of the moment they were read. */
export class GrantedCaller implements Caller {
  readonly principal: Principal;
  readonly #permissions: Grants['permissions'];

  constructor(principal: Principal, permissions: Grants['permissions']) {
    this.principal = principal;
    this.#permissions = permissions;
  }

  may(permission: Permission, namespace: string): boolean {
    const { namespaceScope } = this.principal;
    if (namespaceScope !== '' && namespaceScope !== namespace) {
      return (
        namespace === SYSTEM_NAMESPACE && LISTS.test(permission) && this.#holds(permission, SYSTEM_NAMESPACE)
      );
    }
    return this.#holds(permission, namespace) || this.#holds(permission, SYSTEM_NAMESPACE);
  }

  #holds(permission: Permission, namespace: string): boolean {
    return this.#permissions.get(namespace)?.has(permission) === true;
  }
}
