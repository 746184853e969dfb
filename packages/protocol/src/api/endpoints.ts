import { codecs } from '../messages/codecs.ts';
import { BODY_LIMITS } from './body-limits.ts';
import { endpoint, inNamespace, onQueue } from './new-endpoint.ts';

const c = codecs;

/** Calls on one queue. */
export const queueEndpoints = {
  produce: onQueue('/v1/queue.produce', c.QueueProduceRequest, c.Reply, 'queue.produce', {
    traffic: 'stores',
    audited: false,
    bodyLimit: BODY_LIMITS.produce,
  }),
  lease: onQueue('/v1/queue.lease', c.QueueLeaseRequest, c.QueueLeaseResponse, 'queue.lease', {
    traffic: 'waits',
    audited: false,
  }),
  complete: onQueue('/v1/queue.complete', c.QueueCompleteRequest, c.Reply, 'queue.complete', {
    traffic: 'leased',
    audited: false,
  }),
  retry: onQueue('/v1/queue.retry', c.QueueRetryRequest, c.Reply, 'queue.retry', {
    traffic: 'leased',
    audited: false,
  }),
  stats: onQueue('/v1/queue.stats', c.QueueStatsRequest, c.QueueStatsResponse, 'queue.stats', {
    audited: false,
  }),
  clear: onQueue('/v1/queue.clear', c.QueueClearRequest, c.Reply, 'queue.clear', { audited: 'items' }),
  reload: onQueue('/v1/queue.reload', c.QueueReloadRequest, c.Reply, 'queue.update', { audited: false }),
} as const;

/** Management of queues. */
export const queuesEndpoints = {
  create: inNamespace('/v1/queues.create', c.QueueInfo, c.Reply, 'queue.create', { audited: 'settings' }),
  list: inNamespace('/v1/queues.list', c.QueuesListRequest, c.QueuesListResponse, 'queue.list', {
    audited: false,
  }),
  info: onQueue('/v1/queues.info', c.QueuesInfoRequest, c.QueueInfo, 'queue.stats', { audited: false }),
  update: onQueue('/v1/queues.update', c.QueueInfo, c.Reply, 'queue.update', {
    audited: 'settings',
    bodyLimit: BODY_LIMITS.queueUpdate,
  }),
  delete: onQueue('/v1/queues.delete', c.QueuesDeleteRequest, c.Reply, 'queue.delete', {
    audited: 'items',
  }),
} as const;

/** Inspection of stored items. */
export const storageEndpoints = {
  itemsList: onQueue(
    '/v1/storage/items.list',
    c.StorageItemsListRequest,
    c.StorageItemsListResponse,
    'queue.stats',
    { audited: false },
  ),
  itemsImport: onQueue(
    '/v1/storage/items.import',
    c.StorageItemsImportRequest,
    c.StorageItemsImportResponse,
    'queue.produce',
    { traffic: 'stores', audited: 'items', bodyLimit: BODY_LIMITS.import },
  ),
  itemsDelete: onQueue('/v1/storage/items.delete', c.StorageItemsDeleteRequest, c.Reply, 'queue.clear', {
    audited: 'items',
  }),
  scheduledList: onQueue(
    '/v1/storage/scheduled.list',
    c.StorageItemsListRequest,
    c.StorageItemsListResponse,
    'queue.stats',
    { audited: false },
  ),
} as const;

/** Namespaces, users, API keys, roles and their bindings. */
export const accessEndpoints = {
  namespacesCreate: endpoint('/v1/namespaces.create', c.NamespaceInfo, c.Reply, 'namespace.create', {
    audited: 'access',
  }),
  namespacesUpdate: endpoint('/v1/namespaces.update', c.NamespaceInfo, c.Reply, 'namespace.update', {
    audited: 'access',
  }),
  namespacesList: endpoint(
    '/v1/namespaces.list',
    c.NamespacesListRequest,
    c.NamespacesListResponse,
    'namespace.list',
    { audited: false },
  ),
  namespacesDelete: endpoint(
    '/v1/namespaces.delete',
    c.NamespacesDeleteRequest,
    c.Reply,
    'namespace.delete',
    { audited: 'access' },
  ),
  usersCreate: endpoint('/v1/users.create', c.UserCreateRequest, c.UserCreateResponse, 'user.create', {
    audited: 'access',
  }),
  usersList: endpoint('/v1/users.list', c.UsersListRequest, c.UsersListResponse, 'user.list', {
    audited: false,
  }),
  usersDelete: endpoint('/v1/users.delete', c.UsersDeleteRequest, c.Reply, 'user.delete', {
    audited: 'access',
  }),
  apiKeysCreate: endpoint(
    '/v1/apikeys.create',
    c.APIKeyCreateRequest,
    c.APIKeyCreateResponse,
    'apikey.create',
    { audited: 'access' },
  ),
  apiKeysList: endpoint('/v1/apikeys.list', c.APIKeysListRequest, c.APIKeysListResponse, 'apikey.list', {
    audited: false,
  }),
  apiKeysDelete: endpoint('/v1/apikeys.delete', c.APIKeysDeleteRequest, c.Reply, 'apikey.delete', {
    audited: 'access',
  }),
  rolesCreate: endpoint('/v1/roles.create', c.RoleCreateRequest, c.RoleCreateResponse, 'role.create', {
    audited: 'access',
  }),
  rolesList: endpoint('/v1/roles.list', c.RolesListRequest, c.RolesListResponse, 'role.list', {
    audited: false,
  }),
  rolesUpdate: endpoint('/v1/roles.update', c.RoleUpdateRequest, c.Reply, 'role.update', {
    audited: 'access',
  }),
  rolesDelete: endpoint('/v1/roles.delete', c.RolesDeleteRequest, c.Reply, 'role.delete', {
    audited: 'access',
  }),
  roleBindingsCreate: endpoint(
    '/v1/rolebindings.create',
    c.RoleBindingCreateRequest,
    c.RoleBindingCreateResponse,
    'rolebinding.create',
    { audited: 'access' },
  ),
  roleBindingsList: endpoint(
    '/v1/rolebindings.list',
    c.RoleBindingsListRequest,
    c.RoleBindingsListResponse,
    'rolebinding.list',
    { audited: false },
  ),
  roleBindingsDelete: endpoint(
    '/v1/rolebindings.delete',
    c.RoleBindingDeleteRequest,
    c.Reply,
    'rolebinding.delete',
    { audited: 'access' },
  ),
} as const;
