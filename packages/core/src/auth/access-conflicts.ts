import { invalid, type QueueError } from '../errors/queue-error.ts';
import { errorText } from '../text/error-text.ts';
import type { Role, RoleBinding } from './access-records.ts';

/** The errors for records that collide with a stored one, in the documented words. */
export const ACCESS_CONFLICTS = {
  namespace: (name: string): QueueError =>
    invalid(errorText`namespace already exists; '${name}' already exists`),
  user: (id: string): QueueError => invalid(errorText`user already exists; '${id}' already exists`),
  username: (name: string): QueueError =>
    invalid(errorText`username is already taken; '${name}' is already taken`),
  apiKey: (): QueueError => invalid('api key already exists'),
  apiKeyHash: (): QueueError => invalid('api key hash already exists'),
  role: ({ namespace, name }: Pick<Role, 'namespace' | 'name'>): QueueError =>
    invalid(errorText`role already exists; '${namespace}:${name}' already exists`),
  binding: ({
    userId,
    namespace,
    roleId,
  }: Pick<RoleBinding, 'userId' | 'namespace' | 'roleId'>): QueueError =>
    invalid(
      errorText`role binding already exists; binding for user '${userId}' to role '${roleId}' in namespace '${namespace}' already exists`,
    ),
} as const;
