const BODIES: Readonly<Record<string, object>> = {
  '/v1/queues.create': {
    queue_name: 'q',
    lease_timeout: '1m',
    expire_timeout: '1h',
    requested_partitions: 1,
  },
  '/v1/queues.update': { queue_name: 'q' },
  '/v1/queues.delete': { queue_name: 'q' },
  '/v1/queues.list': {},
  '/v1/namespaces.create': { name: 'n' },
  '/v1/namespaces.update': { name: 'n' },
  '/v1/namespaces.delete': { name: 'n' },
  '/v1/users.create': { username: 'u' },
  '/v1/users.delete': { id: 'anonymous' },
  '/v1/apikeys.create': { user_id: 'anonymous' },
  '/v1/apikeys.delete': { id: 'x' },
  '/v1/roles.create': { namespace: '_system', name: 'r' },
  '/v1/roles.update': { namespace: '_system', name: 'r' },
  '/v1/roles.delete': { namespace: '_system', name: 'r' },
  '/v1/rolebindings.create': { namespace: '_system', role_name: 'Admin', user_id: 'anonymous' },
  '/v1/rolebindings.delete': { namespace: '_system', role_name: 'Admin', user_id: 'anonymous' },
  '/v2/server.info': {},
  '/v2/instances.list': {},
  '/v2/audit.list': {},
  '/v2/apikeys.rotate': { id: 'anonymous', grace: '1h' },
  '/v2/quotas.get': { namespace: 'n' },
  '/v2/quotas.set': { namespace: 'n' },
};
/** A request that passes every check before the permission. */
export const bodyOf = (path: string): object =>
  BODIES[path] ?? (path.endsWith('s.list') && !path.includes('/storage/') ? {} : { queue_name: 'q' });
