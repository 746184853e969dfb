import * as reply from '../gen/duh/v1/reply.ts';
import * as apiKeys from '../gen/querator/apikeys.ts';
import * as namespaces from '../gen/querator/namespaces.ts';
import * as queue from '../gen/querator/queue.ts';
import * as queues from '../gen/querator/queues.ts';
import * as roles from '../gen/querator/roles.ts';
import * as storage from '../gen/querator/storage.ts';
import * as users from '../gen/querator/users.ts';
import * as tables from '../gen/tables.ts';
import { messageCodec } from './message-codec.ts';

/**
 * The codec of every message, by the message's name. A test compares the names
 * with the .proto files, so no message can be missing.
 */
export const codecs = {
  // duh/v1/reply.proto
  Reply: messageCodec(reply.Reply, tables.Reply),
  // querator/queue.proto
  QueueProduceRequest: messageCodec(queue.QueueProduceRequest, tables.QueueProduceRequest),
  QueueProduceItem: messageCodec(queue.QueueProduceItem, tables.QueueProduceItem),
  QueueLeaseRequest: messageCodec(queue.QueueLeaseRequest, tables.QueueLeaseRequest),
  QueueLeaseItem: messageCodec(queue.QueueLeaseItem, tables.QueueLeaseItem),
  QueueLeaseResponse: messageCodec(queue.QueueLeaseResponse, tables.QueueLeaseResponse),
  QueueRetryRequest: messageCodec(queue.QueueRetryRequest, tables.QueueRetryRequest),
  QueueRetryItem: messageCodec(queue.QueueRetryItem, tables.QueueRetryItem),
  QueueCompleteRequest: messageCodec(queue.QueueCompleteRequest, tables.QueueCompleteRequest),
  QueueInfo: messageCodec(queue.QueueInfo, tables.QueueInfo),
  PartitionInfo: messageCodec(queue.PartitionInfo, tables.PartitionInfo),
  QueueClearRequest: messageCodec(queue.QueueClearRequest, tables.QueueClearRequest),
  QueueReloadRequest: messageCodec(queue.QueueReloadRequest, tables.QueueReloadRequest),
  QueueStatsRequest: messageCodec(queue.QueueStatsRequest, tables.QueueStatsRequest),
  QueueStatsResponse: messageCodec(queue.QueueStatsResponse, tables.QueueStatsResponse),
  QueuePartitionStats: messageCodec(queue.QueuePartitionStats, tables.QueuePartitionStats),
  QueueLogicalStats: messageCodec(queue.QueueLogicalStats, tables.QueueLogicalStats),
  // querator/queues.proto
  QueuesListRequest: messageCodec(queues.QueuesListRequest, tables.QueuesListRequest),
  QueuesListResponse: messageCodec(queues.QueuesListResponse, tables.QueuesListResponse),
  QueuesDeleteRequest: messageCodec(queues.QueuesDeleteRequest, tables.QueuesDeleteRequest),
  QueuesInfoRequest: messageCodec(queues.QueuesInfoRequest, tables.QueuesInfoRequest),
  // querator/storage.proto
  StorageItemsListRequest: messageCodec(storage.StorageItemsListRequest, tables.StorageItemsListRequest),
  StorageItemsListResponse: messageCodec(storage.StorageItemsListResponse, tables.StorageItemsListResponse),
  StorageItemsImportRequest: messageCodec(
    storage.StorageItemsImportRequest,
    tables.StorageItemsImportRequest,
  ),
  StorageItemsImportResponse: messageCodec(
    storage.StorageItemsImportResponse,
    tables.StorageItemsImportResponse,
  ),
  StorageItemsDeleteRequest: messageCodec(
    storage.StorageItemsDeleteRequest,
    tables.StorageItemsDeleteRequest,
  ),
  StorageItem: messageCodec(storage.StorageItem, tables.StorageItem),
  // querator/namespaces.proto
  NamespaceInfo: messageCodec(namespaces.NamespaceInfo, tables.NamespaceInfo),
  NamespacesListRequest: messageCodec(namespaces.NamespacesListRequest, tables.NamespacesListRequest),
  NamespacesListResponse: messageCodec(namespaces.NamespacesListResponse, tables.NamespacesListResponse),
  NamespacesDeleteRequest: messageCodec(namespaces.NamespacesDeleteRequest, tables.NamespacesDeleteRequest),
  // querator/users.proto
  User: messageCodec(users.User, tables.User),
  UserCreateRequest: messageCodec(users.UserCreateRequest, tables.UserCreateRequest),
  UserCreateResponse: messageCodec(users.UserCreateResponse, tables.UserCreateResponse),
  UsersListRequest: messageCodec(users.UsersListRequest, tables.UsersListRequest),
  UsersListResponse: messageCodec(users.UsersListResponse, tables.UsersListResponse),
  UsersDeleteRequest: messageCodec(users.UsersDeleteRequest, tables.UsersDeleteRequest),
  // querator/apikeys.proto
  APIKeyMetadata: messageCodec(apiKeys.APIKeyMetadata, tables.APIKeyMetadata),
  APIKeyCreateRequest: messageCodec(apiKeys.APIKeyCreateRequest, tables.APIKeyCreateRequest),
  APIKeyCreateResponse: messageCodec(apiKeys.APIKeyCreateResponse, tables.APIKeyCreateResponse),
  APIKeysListRequest: messageCodec(apiKeys.APIKeysListRequest, tables.APIKeysListRequest),
  APIKeysListResponse: messageCodec(apiKeys.APIKeysListResponse, tables.APIKeysListResponse),
  APIKeysDeleteRequest: messageCodec(apiKeys.APIKeysDeleteRequest, tables.APIKeysDeleteRequest),
  // querator/roles.proto
  Role: messageCodec(roles.Role, tables.Role),
  RoleCreateRequest: messageCodec(roles.RoleCreateRequest, tables.RoleCreateRequest),
  RoleCreateResponse: messageCodec(roles.RoleCreateResponse, tables.RoleCreateResponse),
  RoleUpdateRequest: messageCodec(roles.RoleUpdateRequest, tables.RoleUpdateRequest),
  RolesListRequest: messageCodec(roles.RolesListRequest, tables.RolesListRequest),
  RolesListResponse: messageCodec(roles.RolesListResponse, tables.RolesListResponse),
  RolesDeleteRequest: messageCodec(roles.RolesDeleteRequest, tables.RolesDeleteRequest),
  RoleBinding: messageCodec(roles.RoleBinding, tables.RoleBinding),
  RoleBindingCreateRequest: messageCodec(roles.RoleBindingCreateRequest, tables.RoleBindingCreateRequest),
  RoleBindingCreateResponse: messageCodec(roles.RoleBindingCreateResponse, tables.RoleBindingCreateResponse),
  RoleBindingsListRequest: messageCodec(roles.RoleBindingsListRequest, tables.RoleBindingsListRequest),
  RoleBindingsListResponse: messageCodec(roles.RoleBindingsListResponse, tables.RoleBindingsListResponse),
  RoleBindingDeleteRequest: messageCodec(roles.RoleBindingDeleteRequest, tables.RoleBindingDeleteRequest),
} as const;
