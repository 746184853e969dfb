import * as apiKeys from '../gen/querator/v2/apikeys.ts';
import * as audit from '../gen/querator/v2/audit.ts';
import * as complete from '../gen/querator/v2/complete.ts';
import * as extend from '../gen/querator/v2/extend.ts';
import * as instances from '../gen/querator/v2/instances.ts';
import * as items from '../gen/querator/v2/items.ts';
import * as lease from '../gen/querator/v2/lease.ts';
import * as produce from '../gen/querator/v2/produce.ts';
import * as queues from '../gen/querator/v2/queues.ts';
import * as quotas from '../gen/querator/v2/quotas.ts';
import * as retry from '../gen/querator/v2/retry.ts';
import * as schedules from '../gen/querator/v2/schedules.ts';
import * as server from '../gen/querator/v2/server.ts';
import * as session from '../gen/querator/v2/session.ts';
import * as storages from '../gen/querator/v2/storages.ts';
import * as tasks from '../gen/querator/v2/tasks.ts';
import * as tables from '../gen/tables-v2.ts';
import { messageCodec } from './message-codec.ts';

/** The codec of every message of `querator.v2`, by the message's name. A test compares the names with the .proto files. */
export const codecsV2 = {
  // querator/v2/server.proto
  ServerInfoRequest: messageCodec(server.ServerInfoRequest, tables.ServerInfoRequest),
  ServerInfoResponse: messageCodec(server.ServerInfoResponse, tables.ServerInfoResponse),
  ServerStorage: messageCodec(server.ServerStorage, tables.ServerStorage),
  // querator/v2/storages.proto
  StoragesListRequest: messageCodec(storages.StoragesListRequest, tables.StoragesListRequest),
  StoragesListResponse: messageCodec(storages.StoragesListResponse, tables.StoragesListResponse),
  StoragesStorage: messageCodec(storages.StoragesStorage, tables.StoragesStorage),
  // querator/v2/session.proto
  SessionCreateRequest: messageCodec(session.SessionCreateRequest, tables.SessionCreateRequest),
  SessionGetRequest: messageCodec(session.SessionGetRequest, tables.SessionGetRequest),
  SessionDeleteRequest: messageCodec(session.SessionDeleteRequest, tables.SessionDeleteRequest),
  Session: messageCodec(session.Session, tables.Session),
  // querator/v2/instances.proto
  InstancesListRequest: messageCodec(instances.InstancesListRequest, tables.InstancesListRequest),
  InstancesListResponse: messageCodec(instances.InstancesListResponse, tables.InstancesListResponse),
  Instance: messageCodec(instances.Instance, tables.Instance),
  InstanceStorage: messageCodec(instances.InstanceStorage, tables.InstanceStorage),
  UnrecordedInstance: messageCodec(instances.UnrecordedInstance, tables.UnrecordedInstance),
  // querator/v2/apikeys.proto
  APIKeysRotateRequest: messageCodec(apiKeys.APIKeysRotateRequest, tables.APIKeysRotateRequest),
  APIKeysRotateResponse: messageCodec(apiKeys.APIKeysRotateResponse, tables.APIKeysRotateResponse),
  // querator/v2/audit.proto
  AuditListRequest: messageCodec(audit.AuditListRequest, tables.AuditListRequest),
  AuditListResponse: messageCodec(audit.AuditListResponse, tables.AuditListResponse),
  AuditEvent: messageCodec(audit.AuditEvent, tables.AuditEvent),
  AuditChange: messageCodec(audit.AuditChange, tables.AuditChange),
  // querator/v2/produce.proto
  QueueProduceRequest: messageCodec(produce.QueueProduceRequest, tables.QueueProduceRequest),
  QueueProduceItem: messageCodec(produce.QueueProduceItem, tables.QueueProduceItem),
  QueueProduceResponse: messageCodec(produce.QueueProduceResponse, tables.QueueProduceResponse),
  QueueProducedItem: messageCodec(produce.QueueProducedItem, tables.QueueProducedItem),
  // querator/v2/lease.proto
  QueueLeaseRequest: messageCodec(lease.QueueLeaseRequest, tables.QueueLeaseRequest),
  QueueItemSource: messageCodec(lease.QueueItemSource, tables.QueueItemSource),
  QueueLeaseItem: messageCodec(lease.QueueLeaseItem, tables.QueueLeaseItem),
  QueueLeaseResponse: messageCodec(lease.QueueLeaseResponse, tables.QueueLeaseResponse),
  // querator/v2/complete.proto
  QueueCompleteRequest: messageCodec(complete.QueueCompleteRequest, tables.QueueCompleteRequest),
  QueueCompleteResponse: messageCodec(complete.QueueCompleteResponse, tables.QueueCompleteResponse),
  QueueItemOutcome: messageCodec(complete.QueueItemOutcome, tables.QueueItemOutcome),
  // querator/v2/retry.proto
  QueueRetryRequest: messageCodec(retry.QueueRetryRequest, tables.QueueRetryRequest),
  QueueRetryItem: messageCodec(retry.QueueRetryItem, tables.QueueRetryItem),
  QueueRetryResponse: messageCodec(retry.QueueRetryResponse, tables.QueueRetryResponse),
  // querator/v2/extend.proto
  QueueExtendRequest: messageCodec(extend.QueueExtendRequest, tables.QueueExtendRequest),
  QueueExtendResponse: messageCodec(extend.QueueExtendResponse, tables.QueueExtendResponse),
  QueueExtendedItem: messageCodec(extend.QueueExtendedItem, tables.QueueExtendedItem),
  // querator/v2/items.proto
  ItemsRange: messageCodec(items.ItemsRange, tables.ItemsRange),
  ItemsFilter: messageCodec(items.ItemsFilter, tables.ItemsFilter),
  ItemsFindRequest: messageCodec(items.ItemsFindRequest, tables.ItemsFindRequest),
  ItemsItem: messageCodec(items.ItemsItem, tables.ItemsItem),
  ItemsFindResponse: messageCodec(items.ItemsFindResponse, tables.ItemsFindResponse),
  ItemsSummarizeRequest: messageCodec(items.ItemsSummarizeRequest, tables.ItemsSummarizeRequest),
  ItemsGroup: messageCodec(items.ItemsGroup, tables.ItemsGroup),
  ItemsSummarizeResponse: messageCodec(items.ItemsSummarizeResponse, tables.ItemsSummarizeResponse),
  ItemsRetryRequest: messageCodec(items.ItemsRetryRequest, tables.ItemsRetryRequest),
  ItemsRetryResponse: messageCodec(items.ItemsRetryResponse, tables.ItemsRetryResponse),
  ItemsDeleteRequest: messageCodec(items.ItemsDeleteRequest, tables.ItemsDeleteRequest),
  ItemsDeleteResponse: messageCodec(items.ItemsDeleteResponse, tables.ItemsDeleteResponse),
  ItemsDedupKey: messageCodec(items.ItemsDedupKey, tables.ItemsDedupKey),
  ItemsExportRequest: messageCodec(items.ItemsExportRequest, tables.ItemsExportRequest),
  ItemsExportResponse: messageCodec(items.ItemsExportResponse, tables.ItemsExportResponse),
  ItemsImportRequest: messageCodec(items.ItemsImportRequest, tables.ItemsImportRequest),
  ItemsImportResponse: messageCodec(items.ItemsImportResponse, tables.ItemsImportResponse),
  // querator/v2/queues.proto
  QueuesListRequest: messageCodec(queues.QueuesListRequest, tables.QueuesListRequest),
  QueuesRow: messageCodec(queues.QueuesRow, tables.QueuesRow),
  QueuesListResponse: messageCodec(queues.QueuesListResponse, tables.QueuesListResponse),
  QueuesDeleteRequest: messageCodec(queues.QueuesDeleteRequest, tables.QueuesDeleteRequest),
  QueuesPauseRequest: messageCodec(queues.QueuesPauseRequest, tables.QueuesPauseRequest),
  QueuesResumeRequest: messageCodec(queues.QueuesResumeRequest, tables.QueuesResumeRequest),
  QueuesResizeRequest: messageCodec(queues.QueuesResizeRequest, tables.QueuesResizeRequest),
  QueuesUpdateRequest: messageCodec(queues.QueuesUpdateRequest, tables.QueuesUpdateRequest),
  QueuesPausesResponse: messageCodec(queues.QueuesPausesResponse, tables.QueuesPausesResponse),
  QueuesPause: messageCodec(queues.QueuesPause, tables.QueuesPause),
  QueuesDescribeRequest: messageCodec(queues.QueuesDescribeRequest, tables.QueuesDescribeRequest),
  QueuesInfo: messageCodec(queues.QueuesInfo, tables.QueuesInfo),
  QueuesPartition: messageCodec(queues.QueuesPartition, tables.QueuesPartition),
  QueuesHandling: messageCodec(queues.QueuesHandling, tables.QueuesHandling),
  QueuesDescribeResponse: messageCodec(queues.QueuesDescribeResponse, tables.QueuesDescribeResponse),
  QueuesRatesRequest: messageCodec(queues.QueuesRatesRequest, tables.QueuesRatesRequest),
  QueuesDepth: messageCodec(queues.QueuesDepth, tables.QueuesDepth),
  QueuesMinute: messageCodec(queues.QueuesMinute, tables.QueuesMinute),
  QueuesRatesResponse: messageCodec(queues.QueuesRatesResponse, tables.QueuesRatesResponse),
  // querator/v2/quotas.proto
  QuotaLimits: messageCodec(quotas.QuotaLimits, tables.QuotaLimits),
  QuotaUsage: messageCodec(quotas.QuotaUsage, tables.QuotaUsage),
  QuotasGetRequest: messageCodec(quotas.QuotasGetRequest, tables.QuotasGetRequest),
  QuotasGetResponse: messageCodec(quotas.QuotasGetResponse, tables.QuotasGetResponse),
  QuotasSetRequest: messageCodec(quotas.QuotasSetRequest, tables.QuotasSetRequest),
  // querator/v2/schedules.proto
  ScheduleSettings: messageCodec(schedules.ScheduleSettings, tables.ScheduleSettings),
  ScheduledItem: messageCodec(schedules.ScheduledItem, tables.ScheduledItem),
  ScheduleName: messageCodec(schedules.ScheduleName, tables.ScheduleName),
  SchedulesListRequest: messageCodec(schedules.SchedulesListRequest, tables.SchedulesListRequest),
  SchedulesListResponse: messageCodec(schedules.SchedulesListResponse, tables.SchedulesListResponse),
  Schedule: messageCodec(schedules.Schedule, tables.Schedule),
  ScheduleFailure: messageCodec(schedules.ScheduleFailure, tables.ScheduleFailure),
  // querator/v2/tasks.proto
  TasksCreateRequest: messageCodec(tasks.TasksCreateRequest, tables.TasksCreateRequest),
  TasksGetRequest: messageCodec(tasks.TasksGetRequest, tables.TasksGetRequest),
  TasksCancelRequest: messageCodec(tasks.TasksCancelRequest, tables.TasksCancelRequest),
  TasksListRequest: messageCodec(tasks.TasksListRequest, tables.TasksListRequest),
  TasksListResponse: messageCodec(tasks.TasksListResponse, tables.TasksListResponse),
  Task: messageCodec(tasks.Task, tables.Task),
  TaskMove: messageCodec(tasks.TaskMove, tables.TaskMove),
} as const;
