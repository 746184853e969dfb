import { PERMISSIONS, type Permission } from '@querator/core';

/** The role that may do everything. */
export const ADMIN_ROLE = 'Admin';

const SYSTEM: readonly Permission[] = ['system.health', 'system.metrics'];
const OF_NAMESPACE = /^(queue|role|rolebinding)\./;

/** The roles that every server has, with their permissions. They live in `_system` and can be bound in any namespace. */
export const STANDARD_ROLES: ReadonlyMap<string, readonly Permission[]> = new Map([
  [ADMIN_ROLE, PERMISSIONS],
  ['NamespaceOwner', [...PERMISSIONS.filter((name) => OF_NAMESPACE.test(name)), ...SYSTEM]],
  ['PublicViewer', SYSTEM],
]);
