import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type AnyEndpoint,
  accessEndpoints,
  endpointsV2,
  type Handlers,
  onlyReads,
  type QueueInfo,
  type QueueLeaseRequest,
  type QueueLeaseResponse,
  queueEndpoints,
  queuesEndpoints,
  type Reply,
  type RequestOf,
  type ResponseOf,
  storageEndpoints,
} from '../src/index.ts';

const TABLE = `
/v1/queue.produce QueueProduceRequest Reply queue.produce 5000000
/v1/queue.lease QueueLeaseRequest QueueLeaseResponse queue.lease 256000
/v1/queue.complete QueueCompleteRequest Reply queue.complete 256000
/v1/queue.retry QueueRetryRequest Reply queue.retry 256000
/v1/queue.stats QueueStatsRequest QueueStatsResponse queue.stats 256000
/v1/queue.clear QueueClearRequest Reply queue.clear 256000
/v1/queue.reload QueueReloadRequest Reply queue.update 256000
/v1/queues.create QueueInfo Reply queue.create 256000
/v1/queues.list QueuesListRequest QueuesListResponse queue.list 256000
/v1/queues.info QueuesInfoRequest QueueInfo queue.stats 256000
/v1/queues.update QueueInfo Reply queue.update 512000
/v1/queues.delete QueuesDeleteRequest Reply queue.delete 256000
/v1/storage/items.list StorageItemsListRequest StorageItemsListResponse queue.stats 256000
/v1/storage/items.import StorageItemsImportRequest StorageItemsImportResponse queue.produce 64000000
/v1/storage/items.delete StorageItemsDeleteRequest Reply queue.clear 256000
/v1/storage/scheduled.list StorageItemsListRequest StorageItemsListResponse queue.stats 256000
/v1/namespaces.create NamespaceInfo Reply namespace.create 256000
/v1/namespaces.update NamespaceInfo Reply namespace.update 256000
/v1/namespaces.list NamespacesListRequest NamespacesListResponse namespace.list 256000
/v1/namespaces.delete NamespacesDeleteRequest Reply namespace.delete 256000
/v1/users.create UserCreateRequest UserCreateResponse user.create 256000
/v1/users.list UsersListRequest UsersListResponse user.list 256000
/v1/users.delete UsersDeleteRequest Reply user.delete 256000
/v1/apikeys.create APIKeyCreateRequest APIKeyCreateResponse apikey.create 256000
/v1/apikeys.list APIKeysListRequest APIKeysListResponse apikey.list 256000
/v1/apikeys.delete APIKeysDeleteRequest Reply apikey.delete 256000
/v1/roles.create RoleCreateRequest RoleCreateResponse role.create 256000
/v1/roles.list RolesListRequest RolesListResponse role.list 256000
/v1/roles.update RoleUpdateRequest Reply role.update 256000
/v1/roles.delete RolesDeleteRequest Reply role.delete 256000
/v1/rolebindings.create RoleBindingCreateRequest RoleBindingCreateResponse rolebinding.create 256000
/v1/rolebindings.list RoleBindingsListRequest RoleBindingsListResponse rolebinding.list 256000
/v1/rolebindings.delete RoleBindingDeleteRequest Reply rolebinding.delete 256000
/v2/server.info ServerInfoRequest ServerInfoResponse system.health 256000
/v2/instances.list InstancesListRequest InstancesListResponse system.health 256000
/v2/apikeys.rotate APIKeysRotateRequest APIKeysRotateResponse apikey.create 256000
/v2/audit.list AuditListRequest AuditListResponse rolebinding.list 256000
/v2/queue.produce QueueProduceRequest QueueProduceResponse queue.produce 5000000
/v2/queue.lease QueueLeaseRequest QueueLeaseResponse queue.lease 256000
/v2/queue.complete QueueCompleteRequest QueueCompleteResponse queue.complete 256000
/v2/queue.retry QueueRetryRequest QueueRetryResponse queue.retry 256000
/v2/queue.extend QueueExtendRequest QueueExtendResponse queue.lease 256000
/v2/items.find ItemsFindRequest ItemsFindResponse queue.stats 256000
/v2/items.summarize ItemsSummarizeRequest ItemsSummarizeResponse queue.stats 256000
/v2/items.retry ItemsRetryRequest ItemsRetryResponse queue.retry 256000
/v2/items.delete ItemsDeleteRequest ItemsDeleteResponse queue.clear 256000
/v2/items.export ItemsExportRequest ItemsExportResponse queue.stats 256000
/v2/items.import ItemsImportRequest ItemsImportResponse queue.produce 64000000
/v2/queues.list QueuesListRequest QueuesListResponse queue.stats 256000
/v2/queues.describe QueuesDescribeRequest QueuesDescribeResponse queue.stats 256000
/v2/queues.rates QueuesRatesRequest QueuesRatesResponse queue.stats 256000
/v2/queues.update QueuesUpdateRequest QueuesInfo queue.update 256000
/v2/queues.delete QueuesDeleteRequest Reply queue.delete 256000
/v2/queues.pause QueuesPauseRequest QueuesPausesResponse queue.update 256000
/v2/queues.resume QueuesResumeRequest QueuesPausesResponse queue.update 256000
/v2/queues.resize QueuesResizeRequest Task queue.update 256000
/v2/quotas.get QuotasGetRequest QuotasGetResponse namespace.list 256000
/v2/quotas.set QuotasSetRequest Reply namespace.update 256000
/v2/schedules.create ScheduleSettings Schedule queue.update 256000
/v2/schedules.update ScheduleSettings Schedule queue.update 256000
/v2/schedules.list SchedulesListRequest SchedulesListResponse queue.update 256000
/v2/schedules.pause ScheduleName Schedule queue.update 256000
/v2/schedules.resume ScheduleName Schedule queue.update 256000
/v2/schedules.delete ScheduleName Reply queue.update 256000
/v2/session.create SessionCreateRequest Session  256000
/v2/session.get SessionGetRequest Session  256000
/v2/session.delete SessionDeleteRequest Reply  256000
/v2/storages.list StoragesListRequest StoragesListResponse queue.stats 256000
/v2/tasks.create TasksCreateRequest Task queue.clear 256000
/v2/tasks.get TasksGetRequest Task queue.stats 256000
/v2/tasks.list TasksListRequest TasksListResponse queue.stats 256000
/v2/tasks.cancel TasksCancelRequest Task queue.clear 256000
`;

const ALL: readonly AnyEndpoint[] = [
  queueEndpoints,
  queuesEndpoints,
  storageEndpoints,
  accessEndpoints,
  ...Object.values(endpointsV2),
].flatMap((table) => Object.values<AnyEndpoint>(table));

describe('the endpoints', () => {
  it('are those of the API, with their permissions and limits', () => {
    const rows = ALL.map(({ path, request, response, permission, bodyLimit }) =>
      [path, request.name, response.name, permission, bodyLimit].join(' '),
    );
    expect(rows).toEqual(TABLE.trim().split('\n'));
  });

  it('say what they do with items', () => {
    const of = (traffic: string) =>
      ALL.filter((endpoint) => endpoint.traffic === traffic).map(({ path }) => path);
    expect(of('stores')).toEqual([
      '/v1/queue.produce',
      '/v1/storage/items.import',
      '/v2/queue.produce',
      '/v2/items.import',
    ]);
    expect(of('waits')).toEqual(['/v1/queue.lease', '/v2/queue.lease']);
    expect(of('leased')).toEqual([
      ...['/v1/queue.complete', '/v1/queue.retry'],
      ...['/v2/queue.complete', '/v2/queue.retry', '/v2/queue.extend'],
    ]);
  });

  it('say which only read', () => {
    const reads = ALL.filter(onlyReads).map(({ path }) => path);
    expect(reads).toEqual([
      // A reload makes a server read what is stored.
      ...['/v1/queue.stats', '/v1/queue.reload', '/v1/queues.list', '/v1/queues.info'],
      ...['/v1/storage/items.list', '/v1/storage/scheduled.list', '/v1/namespaces.list', '/v1/users.list'],
      ...['/v1/apikeys.list', '/v1/roles.list', '/v1/rolebindings.list', '/v2/server.info'],
      ...['/v2/instances.list', '/v2/audit.list', '/v2/items.find', '/v2/items.summarize'],
      ...['/v2/items.export', '/v2/queues.list', '/v2/queues.describe', '/v2/queues.rates', '/v2/quotas.get'],
      ...['/v2/schedules.list', '/v2/session.get', '/v2/storages.list', '/v2/tasks.get', '/v2/tasks.list'],
    ]);
  });

  it('say which name the namespace that they concern', () => {
    expect(ALL.filter(({ namesNamespace }) => namesNamespace).map(({ path }) => path)).toEqual([
      ...['/v1/queues.create', '/v1/queues.list'],
      ...['/v2/schedules.list', '/v2/schedules.pause', '/v2/schedules.resume', '/v2/schedules.delete'],
    ]);
  });

  it('have the types of their messages', () => {
    type Lease = (typeof queueEndpoints)['lease'];
    expectTypeOf<RequestOf<Lease>>().toEqualTypeOf<QueueLeaseRequest>();
    expectTypeOf<ResponseOf<Lease>>().toEqualTypeOf<QueueLeaseResponse>();
    type Queues = Handlers<typeof queuesEndpoints, AbortSignal>;
    expectTypeOf<Queues['create']>().toEqualTypeOf<
      (request: QueueInfo, context: AbortSignal) => Promise<Reply>
    >();
  });
});
