import { codecs } from '../messages/codecs.ts';
import { BODY_LIMITS } from './body-limits.ts';
import { endpoint, onQueue } from './new-endpoint.ts';

const c = codecs;

/** Calls on one queue. */
export const queueEndpoints = {
  produce: onQueue('/v1/queue.produce', c.QueueProduceRequest, c.Reply, 'queue.produce', BODY_LIMITS.produce),
  lease: onQueue('/v1/queue.lease', c.QueueLeaseRequest, c.QueueLeaseResponse, 'queue.lease'),
  complete: onQueue('/v1/queue.complete', c.QueueCompleteRequest, c.Reply, 'queue.complete'),
  retry: onQueue('/v1/queue.retry', c.QueueRetryRequest, c.Reply, 'queue.retry'),
  stats: onQueue('/v1/queue.stats', c.QueueStatsRequest, c.QueueStatsResponse, 'queue.stats'),
  clear: onQueue('/v1/queue.clear', c.QueueClearRequest, c.Reply, 'queue.clear'),
  reload: onQueue('/v1/queue.reload', c.QueueReloadRequest, c.Reply, 'queue.update'),
} as const;

/** Management of queues. */
export const queuesEndpoints = {
  create: endpoint('/v1/queues.create', c.QueueInfo, c.Reply, 'queue.create'),
  list: endpoint('/v1/queues.list', c.QueuesListRequest, c.QueuesListResponse, 'queue.list'),
  info: onQueue('/v1/queues.info', c.QueuesInfoRequest, c.QueueInfo, 'queue.stats'),
  update: onQueue('/v1/queues.update', c.QueueInfo, c.Reply, 'queue.update', BODY_LIMITS.queueUpdate),
  delete: onQueue('/v1/queues.delete', c.QueuesDeleteRequest, c.Reply, 'queue.delete'),
} as const;

/** Inspection of stored items. */
export const storageEndpoints = {
  itemsList: onQueue(
    '/v1/storage/items.list',
    c.StorageItemsListRequest,
    c.StorageItemsListResponse,
    'queue.stats',
  ),
  itemsImport: onQueue(
    '/v1/storage/items.import',
    c.StorageItemsImportRequest,
    c.StorageItemsImportResponse,
    'queue.produce',
    BODY_LIMITS.import,
  ),
  itemsDelete: onQueue('/v1/storage/items.delete', c.StorageItemsDeleteRequest, c.Reply, 'queue.clear'),
  scheduledList: onQueue(
    '/v1/storage/scheduled.list',
    c.StorageItemsListRequest,
    c.StorageItemsListResponse,
    'queue.stats',
  ),
} as const;

/** Namespaces, users, API keys, roles and their bindings. */
export const accessEndpoints = {
  namespacesCreate: endpoint('/v1/namespaces.create', c.NamespaceInfo, c.Reply, 'namespace.create'),
  namespacesUpdate: endpoint('/v1/namespaces.update', c.NamespaceInfo, c.Reply, 'namespace.update'),
  namespacesList: endpoint(
    '/v1/namespaces.list',
    c.NamespacesListRequest,
    c.NamespacesListResponse,
    'namespace.list',
  ),
  namespacesDelete: endpoint('/v1/namespaces.delete', c.NamespacesDeleteRequest, c.Reply, 'namespace.delete'),
  usersCreate: endpoint('/v1/users.create', c.UserCreateRequest, c.UserCreateResponse, 'user.create'),
  usersList: endpoint('/v1/users.list', c.UsersListRequest, c.UsersListResponse, 'user.list'),
  usersDelete: endpoint('/v1/users.delete', c.UsersDeleteRequest, c.Reply, 'user.delete'),
  apiKeysCreate: endpoint(
    '/v1/apikeys.create',
    c.APIKeyCreateRequest,
    c.APIKeyCreateResponse,
    'apikey.create',
  ),
  apiKeysList: endpoint('/v1/apikeys.list', c.APIKeysListRequest, c.APIKeysListResponse, 'apikey.list'),
  apiKeysDelete: endpoint('/v1/apikeys.delete', c.APIKeysDeleteRequest, c.Reply, 'apikey.delete'),
  rolesCreate: endpoint('/v1/roles.create', c.RoleCreateRequest, c.RoleCreateResponse, 'role.create'),
  rolesList: endpoint('/v1/roles.list', c.RolesListRequest, c.RolesListResponse, 'role.list'),
  rolesUpdate: endpoint('/v1/roles.update', c.RoleUpdateRequest, c.Reply, 'role.update'),
  rolesDelete: endpoint('/v1/roles.delete', c.RolesDeleteRequest, c.Reply, 'role.delete'),
  roleBindingsCreate: endpoint(
    '/v1/rolebindings.create',
    c.RoleBindingCreateRequest,
    c.RoleBindingCreateResponse,
    'rolebinding.create',
  ),
  roleBindingsList: endpoint(
    '/v1/rolebindings.list',
    c.RoleBindingsListRequest,
    c.RoleBindingsListResponse,
    'rolebinding.list',
  ),
  roleBindingsDelete: endpoint(
    '/v1/rolebindings.delete',
    c.RoleBindingDeleteRequest,
    c.Reply,
    'rolebinding.delete',
  ),
} as const;
