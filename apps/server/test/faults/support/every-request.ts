import { FUZZ_SEEDS } from '../../http/support/fuzz-seeds.ts';

type Requests = Readonly<Record<string, Record<string, unknown>>>;

const ID = `0${'0'.repeat(16)}${'a'.repeat(10)}`;
const q = { queue_name: 'q' };
const within = { request_timeout: '50ms' };
const settings = { lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 };
const role = { namespace: 'other', name: 'reader' };
const binding = { namespace: 'other', role_name: 'reader', user_id: ID };
const item = { utf8: 'secret' };

/** Requests that depend on what exists, or on how long they wait. */
const REQUESTS: Requests = {
  '/v1/queue.produce': { ...q, ...within, items: [item] },
  '/v1/queue.lease': { ...q, ...within, client_id: 'c', batch_size: 1 },
  '/v1/queue.complete': { ...q, request_timeout: '1m', ids: [ID] },
  '/v1/queue.retry': { ...q, items: [{ id: ID }] },
  '/v1/queue.stats': q,
  '/v1/queue.clear': { ...q, queue: true },
  '/v1/queue.reload': q,
  '/v1/queues.create': { queue_name: 'new', ...settings },
  '/v1/queues.list': {},
  '/v1/queues.info': q,
  '/v1/queues.update': { ...q, ...settings },
  '/v1/queues.delete': { queue_name: 'unused' },
  '/v1/storage/items.list': q,
  '/v1/storage/items.import': { ...q, items: [{ payload: 'c2VjcmV0' }] },
  '/v1/storage/items.delete': { ...q, ids: [ID] },
  '/v1/storage/scheduled.list': q,
  '/v1/namespaces.create': { name: 'other' },
  '/v1/namespaces.update': { name: 'other', description: 'secret' },
  '/v1/namespaces.list': {},
  '/v1/namespaces.delete': { name: 'other' },
  '/v1/users.create': { username: 'someone' },
  '/v1/users.list': {},
  '/v1/users.delete': { id: ID },
  '/v1/apikeys.create': { user_id: ID },
  '/v1/apikeys.list': { user_id: ID },
  '/v1/apikeys.delete': { id: ID },
  '/v1/roles.create': { ...role, permissions: ['queue.stats'] },
  '/v1/roles.list': { namespace: 'other' },
  '/v1/roles.update': { ...role, permissions: ['queue.lease'] },
  '/v1/roles.delete': role,
  '/v1/rolebindings.create': binding,
  '/v1/rolebindings.list': { namespace: 'other' },
  '/v1/rolebindings.delete': binding,
  '/v2/server.info': {},
  '/v2/instances.list': {},
  '/v2/apikeys.rotate': { id: ID, grace: '1h' },
  '/v2/audit.list': {},
  '/v2/quotas.get': { namespace: '_system' },
  '/v2/quotas.set': { namespace: '_system', limits: { queues: 5 } },
  '/v2/queue.produce': { ...q, ...within, items: [{ ...item, dedup_key: 'secret-key' }] },
  '/v2/queue.lease': { ...q, ...within, client_id: 'd', batch_size: 1 },
  '/v2/queue.complete': { ...q, request_timeout: '1m', ids: [ID] },
  '/v2/queue.retry': { ...q, items: [{ id: ID, error: 'secret' }] },
  '/v2/queue.extend': { ...q, request_timeout: '1m', lease_timeout: '1m', ids: [ID] },
  '/v2/items.find': { ...q, filter: { error: 'secret' } },
  '/v2/items.summarize': { ...q, by: 'error' },
  '/v2/tasks.create': { ...q, kind: 'delete', filter: { kind: 'secret' } },
  '/v2/tasks.get': { id: ID },
  '/v2/tasks.list': q,
  '/v2/tasks.cancel': { id: ID },
  '/v2/items.retry': { ...q, ids: [ID] },
  '/v2/items.delete': { ...q, ids: [ID] },
  '/v2/items.export': q,
  '/v2/items.import': { ...q, items: [{ payload: 'c2VjcmV0' }] },
  '/v2/queues.delete': { queue_name: 'unused' },
  '/v2/queues.describe': q,
  '/v2/queues.update': q,
  '/v2/queues.pause': { ...q, produce: true },
  '/v2/queues.resume': { ...q, produce: true },
  '/v2/queues.resize': { ...q, partitions: 2, dry_run: true },
};

/** The queues of the seeds, as those of the test. */
const QUEUES: Readonly<Record<string, string>> = { fuzz: 'q', 'fuzz-dead': 'unused', 'fuzz-new': 'new' };

const SEEDS = FUZZ_SEEDS.map(({ endpoint: { path, request }, messages }) => {
  const text = Buffer.from(request.toJson(request.create(messages[0] as never))).toString();
  const named = text.replaceAll(/"(fuzz[a-z-]*)"/g, (_, name: string) => JSON.stringify(QUEUES[name]));
  return [path, JSON.parse(named) as Record<string, unknown>] as const;
});

/** The calls with a request that only a storage can refuse. The others have a seed of the fuzz tests. */
export const OWN_REQUESTS = Object.keys(REQUESTS);

/** A valid request for each call. Queues `q` and `unused` exist. */
export const EVERY_REQUEST: Requests = { ...Object.fromEntries(SEEDS), ...REQUESTS };
