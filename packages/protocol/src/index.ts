export type { Permission } from '@querator/core';
export { BODY_LIMITS, bodyTooLarge, formatByteSize } from './api/body-limits.ts';
export type {
  AnyEndpoint,
  Audited,
  Endpoint,
  Handlers,
  ItemTraffic,
  Judgement,
  RequestOf,
  ResponseOf,
} from './api/endpoint.ts';
export { onlyReads } from './api/endpoint.ts';
export { accessEndpoints, queueEndpoints, queuesEndpoints, storageEndpoints } from './api/endpoints.ts';
export { endpointsV2 } from './api/endpoints-v2.ts';
export {
  ERROR_STATUSES,
  type ErrorStatus,
  errorCodeOf,
  errorFromReply,
  errorReply,
  methodNotAllowed,
  unknownMethod,
} from './api/error-reply.ts';
export { negotiateReply, negotiateRequest } from './api/negotiation.ts';
export { apiDocsPages, consolePages, operatorPages, type PageEndpoint } from './api/pages.ts';
export { SUCCESS_REPLY } from './api/reply.ts';
export { REPLY_HEADERS } from './api/reply-headers.ts';
export {
  fromApiKey,
  fromNamespace,
  fromRole,
  fromRoleBinding,
  fromUser,
} from './convert/access-records.ts';
export { fromAuditEvent } from './convert/audit-event.ts';
export { fromDedupKey, toDedupKey } from './convert/dedup-keys.ts';
export { fromInstances } from './convert/instances.ts';
export { fromExtended, fromOutcomes } from './convert/item-outcomes.ts';
export { fromShownItem, toGivenItem, toItemFilter } from './convert/items.ts';
export { fromLeasedItems, fromLeasedItemsV2, toLeasedItem, toLeasedItemV2 } from './convert/lease-item.ts';
export { fromNewItem, fromNewItemV2, toNewItem, toNewItemV2 } from './convert/new-item.ts';
export { fromPartitionStats, type PartitionHealth } from './convert/partition-stats.ts';
export { fromPauses } from './convert/pauses.ts';
export { fromKeyedItems, fromProducedItems } from './convert/produced-items.ts';
export { fromDescription } from './convert/queue-description.ts';
export { fromQueue, fromQueueSettings } from './convert/queue-info.ts';
export { fromQueueRows } from './convert/queue-rows.ts';
export { fromRates } from './convert/rates.ts';
export {
  fromRetriedItem,
  fromRetriedItemV2,
  toRetriedItem,
  toRetriedItemV2,
} from './convert/retried-item.ts';
export { fromSchedule, toScheduleCall } from './convert/schedules.ts';
export { fromStoredItem, toImportedItem, toStoredItem } from './convert/storage-item.ts';
export { fromTask } from './convert/tasks.ts';
export type { ElementReport, ElementRule } from './fields/element-limit.ts';
export type { Reply } from './gen/duh/v1/reply.ts';
export type { Timestamp } from './gen/google/protobuf/timestamp.ts';
export type {
  APIKeyCreateRequest,
  APIKeyCreateResponse,
  APIKeyMetadata,
  APIKeysDeleteRequest,
  APIKeysListRequest,
  APIKeysListResponse,
} from './gen/querator/apikeys.ts';
export type {
  NamespaceInfo,
  NamespacesDeleteRequest,
  NamespacesListRequest,
  NamespacesListResponse,
} from './gen/querator/namespaces.ts';
export type {
  PartitionInfo,
  QueueClearRequest,
  QueueCompleteRequest,
  QueueInfo,
  QueueLeaseItem,
  QueueLeaseRequest,
  QueueLeaseResponse,
  QueueLogicalStats,
  QueuePartitionStats,
  QueueProduceItem,
  QueueProduceRequest,
  QueueReloadRequest,
  QueueRetryItem,
  QueueRetryRequest,
  QueueStatsRequest,
  QueueStatsResponse,
} from './gen/querator/queue.ts';
export type {
  QueuesDeleteRequest,
  QueuesInfoRequest,
  QueuesListRequest,
  QueuesListResponse,
} from './gen/querator/queues.ts';
export type {
  Role,
  RoleBinding,
  RoleBindingCreateRequest,
  RoleBindingCreateResponse,
  RoleBindingDeleteRequest,
  RoleBindingsListRequest,
  RoleBindingsListResponse,
  RoleCreateRequest,
  RoleCreateResponse,
  RolesDeleteRequest,
  RolesListRequest,
  RolesListResponse,
  RoleUpdateRequest,
} from './gen/querator/roles.ts';
export type {
  StorageItem,
  StorageItemsDeleteRequest,
  StorageItemsImportRequest,
  StorageItemsImportResponse,
  StorageItemsListRequest,
  StorageItemsListResponse,
} from './gen/querator/storage.ts';
export type {
  User,
  UserCreateRequest,
  UserCreateResponse,
  UsersDeleteRequest,
  UsersListRequest,
  UsersListResponse,
} from './gen/querator/users.ts';
export type { APIKeysRotateRequest, APIKeysRotateResponse } from './gen/querator/v2/apikeys.ts';
export type {
  AuditChange,
  AuditEvent,
  AuditListRequest,
  AuditListResponse,
} from './gen/querator/v2/audit.ts';
export type {
  QueueCompleteRequest as QueueCompleteRequestV2,
  QueueCompleteResponse,
  QueueItemOutcome,
} from './gen/querator/v2/complete.ts';
export type {
  QueueExtendedItem,
  QueueExtendRequest,
  QueueExtendResponse,
} from './gen/querator/v2/extend.ts';
export type {
  Instance as InstanceV2,
  InstancesListRequest,
  InstancesListResponse,
} from './gen/querator/v2/instances.ts';
export type {
  ItemsDedupKey,
  ItemsDeleteRequest,
  ItemsDeleteResponse,
  ItemsExportRequest,
  ItemsExportResponse,
  ItemsFilter,
  ItemsFindRequest,
  ItemsFindResponse,
  ItemsGroup,
  ItemsImportRequest,
  ItemsImportResponse,
  ItemsItem,
  ItemsRange,
  ItemsRetryRequest,
  ItemsRetryResponse,
  ItemsSummarizeRequest,
  ItemsSummarizeResponse,
} from './gen/querator/v2/items.ts';
export type {
  QueueItemSource,
  QueueLeaseItem as QueueLeaseItemV2,
  QueueLeaseRequest as QueueLeaseRequestV2,
  QueueLeaseResponse as QueueLeaseResponseV2,
} from './gen/querator/v2/lease.ts';
export type {
  QueueProducedItem,
  QueueProduceItem as QueueProduceItemV2,
  QueueProduceRequest as QueueProduceRequestV2,
  QueueProduceResponse,
} from './gen/querator/v2/produce.ts';
export type {
  QueuesDeleteRequest as QueuesDeleteRequestV2,
  QueuesDepth,
  QueuesDescribeRequest,
  QueuesDescribeResponse,
  QueuesHandling,
  QueuesInfo,
  QueuesListRequest as QueuesListRequestV2,
  QueuesListResponse as QueuesListResponseV2,
  QueuesMinute,
  QueuesPartition,
  QueuesPause,
  QueuesPauseRequest,
  QueuesPausesResponse,
  QueuesResizeRequest,
  QueuesResumeRequest,
  QueuesRow,
  QueuesUpdateRequest,
} from './gen/querator/v2/queues.ts';
export type {
  QuotaLimits,
  QuotasGetRequest,
  QuotasGetResponse,
  QuotasSetRequest,
  QuotaUsage,
} from './gen/querator/v2/quotas.ts';
export type {
  QueueRetryItem as QueueRetryItemV2,
  QueueRetryRequest as QueueRetryRequestV2,
  QueueRetryResponse,
} from './gen/querator/v2/retry.ts';
export type {
  Schedule,
  ScheduledItem,
  ScheduleFailure,
  ScheduleName,
  ScheduleSettings,
  SchedulesListRequest,
  SchedulesListResponse,
} from './gen/querator/v2/schedules.ts';
export type { ServerInfoRequest, ServerInfoResponse, ServerStorage } from './gen/querator/v2/server.ts';
export type {
  Session,
  SessionCreateRequest,
  SessionDeleteRequest,
  SessionGetRequest,
} from './gen/querator/v2/session.ts';
export type {
  StoragesListRequest,
  StoragesListResponse,
  StoragesStorage,
} from './gen/querator/v2/storages.ts';
export type {
  Task,
  TaskMove,
  TasksCancelRequest,
  TasksCreateRequest,
  TasksGetRequest,
  TasksListRequest,
  TasksListResponse,
} from './gen/querator/v2/tasks.ts';
export { codecs } from './messages/codecs.ts';
export { codecsV2 } from './messages/codecs-v2.ts';
export {
  decodeBody,
  encodeBody,
  LARGE_BODY,
  type MessageCodec,
} from './messages/message-codec.ts';
export type { MessageFields } from './messages/message-fields.ts';
export { MEDIA_TYPES, type WireFormat } from './messages/wire-format.ts';
export { timestampToDate } from './time/dates.ts';
export {
  formatTimestamp,
  fromOptionalTimestamp,
  fromTimestamp,
  parseTimestamp,
  toTimestamp,
} from './time/wire-time.ts';
