import { codecs } from '../messages/codecs.ts';
import { codecsV2 as c } from '../messages/codecs-v2.ts';
import { BODY_LIMITS } from './body-limits.ts';
import { endpoint, inNamespace, onQueue } from './new-endpoint.ts';

/** The calls under `/v2/`: what the API of `/v1/` lacks. */
export const endpointsV2 = {
  /** The server itself. */
  server: {
    info: endpoint('/v2/server.info', c.ServerInfoRequest, c.ServerInfoResponse, 'system.health', {
      audited: false,
    }),
  },
  /** The servers that run on the same storage. */
  instances: {
    list: endpoint('/v2/instances.list', c.InstancesListRequest, c.InstancesListResponse, 'system.health', {
      audited: false,
    }),
  },
  /** API keys. `rotate` also needs the permission `apikey.delete`. */
  apiKeys: {
    rotate: endpoint('/v2/apikeys.rotate', c.APIKeysRotateRequest, c.APIKeysRotateResponse, 'apikey.create', {
      audited: 'access',
    }),
  },
  /** The audit: who called what. */
  audit: {
    list: endpoint('/v2/audit.list', c.AuditListRequest, c.AuditListResponse, 'rolebinding.list', {
      audited: false,
    }),
  },
  /** Calls on one queue. */
  queue: {
    produce: onQueue('/v2/queue.produce', c.QueueProduceRequest, c.QueueProduceResponse, 'queue.produce', {
      traffic: 'stores',
      audited: false,
      bodyLimit: BODY_LIMITS.produce,
    }),
    lease: onQueue('/v2/queue.lease', c.QueueLeaseRequest, c.QueueLeaseResponse, 'queue.lease', {
      traffic: 'waits',
      audited: false,
    }),
    complete: onQueue(
      '/v2/queue.complete',
      c.QueueCompleteRequest,
      c.QueueCompleteResponse,
      'queue.complete',
      { traffic: 'leased', audited: false },
    ),
    retry: onQueue('/v2/queue.retry', c.QueueRetryRequest, c.QueueRetryResponse, 'queue.retry', {
      traffic: 'leased',
      audited: false,
    }),
    extend: onQueue('/v2/queue.extend', c.QueueExtendRequest, c.QueueExtendResponse, 'queue.lease', {
      traffic: 'leased',
      audited: false,
    }),
  },
  /** For operators: the items of a queue. */
  items: {
    find: onQueue('/v2/items.find', c.ItemsFindRequest, c.ItemsFindResponse, 'queue.stats', {
      audited: false,
    }),
    summarize: onQueue(
      '/v2/items.summarize',
      c.ItemsSummarizeRequest,
      c.ItemsSummarizeResponse,
      'queue.stats',
      { audited: false },
    ),
    retry: onQueue('/v2/items.retry', c.ItemsRetryRequest, c.ItemsRetryResponse, 'queue.retry', {
      audited: 'items',
    }),
    delete: onQueue('/v2/items.delete', c.ItemsDeleteRequest, c.ItemsDeleteResponse, 'queue.clear', {
      audited: 'items',
    }),
    export: onQueue('/v2/items.export', c.ItemsExportRequest, c.ItemsExportResponse, 'queue.stats', {
      audited: false,
    }),
    import: onQueue('/v2/items.import', c.ItemsImportRequest, c.ItemsImportResponse, 'queue.produce', {
      traffic: 'stores',
      audited: 'items',
      bodyLimit: BODY_LIMITS.import,
    }),
  },
  /** Management of queues. */
  queues: {
    list: endpoint('/v2/queues.list', c.QueuesListRequest, c.QueuesListResponse, 'queue.stats', {
      audited: false,
    }),
    describe: onQueue(
      '/v2/queues.describe',
      c.QueuesDescribeRequest,
      c.QueuesDescribeResponse,
      'queue.stats',
      { audited: false },
    ),
    rates: onQueue('/v2/queues.rates', c.QueuesRatesRequest, c.QueuesRatesResponse, 'queue.stats', {
      audited: false,
    }),
    update: onQueue('/v2/queues.update', c.QueuesUpdateRequest, c.QueuesInfo, 'queue.update', {
      audited: 'settings',
    }),
    delete: onQueue('/v2/queues.delete', c.QueuesDeleteRequest, codecs.Reply, 'queue.delete', {
      audited: 'items',
    }),
    pause: onQueue('/v2/queues.pause', c.QueuesPauseRequest, c.QueuesPausesResponse, 'queue.update', {
      audited: 'settings',
    }),
    resume: onQueue('/v2/queues.resume', c.QueuesResumeRequest, c.QueuesPausesResponse, 'queue.update', {
      audited: 'settings',
    }),
    resize: onQueue('/v2/queues.resize', c.QueuesResizeRequest, c.Task, 'queue.update', {
      audited: 'settings',
    }),
  },
  /** The limits of namespaces and API keys. */
  quotas: {
    get: endpoint('/v2/quotas.get', c.QuotasGetRequest, c.QuotasGetResponse, 'namespace.list', {
      audited: false,
    }),
    set: endpoint('/v2/quotas.set', c.QuotasSetRequest, codecs.Reply, 'namespace.update', {
      audited: 'access',
    }),
  },
  /** Items that the server produces at certain times. `create` and `update` also need the permission `queue.produce`. */
  schedules: {
    create: onQueue('/v2/schedules.create', c.ScheduleSettings, c.Schedule, 'queue.update', {
      audited: 'settings',
    }),
    update: onQueue('/v2/schedules.update', c.ScheduleSettings, c.Schedule, 'queue.update', {
      audited: 'settings',
    }),
    list: inNamespace('/v2/schedules.list', c.SchedulesListRequest, c.SchedulesListResponse, 'queue.update', {
      audited: false,
    }),
    pause: inNamespace('/v2/schedules.pause', c.ScheduleName, c.Schedule, 'queue.update', {
      audited: 'settings',
    }),
    resume: inNamespace('/v2/schedules.resume', c.ScheduleName, c.Schedule, 'queue.update', {
      audited: 'settings',
    }),
    delete: inNamespace('/v2/schedules.delete', c.ScheduleName, codecs.Reply, 'queue.update', {
      audited: 'settings',
    }),
  },
  /** Sessions of browsers. Who has a valid API key may open one, whatever else they may do. */
  session: {
    create: endpoint('/v2/session.create', c.SessionCreateRequest, c.Session, undefined, {
      audited: 'access',
    }),
    get: endpoint('/v2/session.get', c.SessionGetRequest, c.Session, undefined, { audited: false }),
    delete: endpoint('/v2/session.delete', c.SessionDeleteRequest, codecs.Reply, undefined, {
      audited: 'access',
    }),
  },
  /** The storages of the server, for operators. */
  storages: {
    list: endpoint('/v2/storages.list', c.StoragesListRequest, c.StoragesListResponse, 'queue.stats', {
      audited: false,
    }),
  },
  /** Long work on many items. `create` also needs `queue.produce` on every queue that gets items. */
  tasks: {
    create: endpoint('/v2/tasks.create', c.TasksCreateRequest, c.Task, 'queue.clear', {
      audited: 'settings',
    }),
    get: endpoint('/v2/tasks.get', c.TasksGetRequest, c.Task, 'queue.stats', { audited: false }),
    list: endpoint('/v2/tasks.list', c.TasksListRequest, c.TasksListResponse, 'queue.stats', {
      audited: false,
    }),
    cancel: endpoint('/v2/tasks.cancel', c.TasksCancelRequest, c.Task, 'queue.clear', {
      audited: 'settings',
    }),
  },
} as const;
