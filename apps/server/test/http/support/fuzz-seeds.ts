import {
  type AnyEndpoint,
  accessEndpoints,
  endpointsV2,
  queueEndpoints,
  queuesEndpoints,
  storageEndpoints,
} from '@querator/protocol';

/** The queues that the requests of the corpus name. */
export const FUZZ_QUEUES = ['fuzz', 'fuzz-dead', 'fuzz-new'] as const;

const [QUEUE, DEAD, NEW] = FUZZ_QUEUES;
const ID = '0'.repeat(27);
const INSTANT = { seconds: 4_000_000_000, nanos: 123_456_000 };
const bytes = Buffer.from('a payload');

/** A call of the corpus and correct messages of it. */
export interface FuzzSeed {
  readonly endpoint: AnyEndpoint;
  readonly messages: readonly object[];
}

function seed(endpoint: unknown, ...messages: object[]): FuzzSeed {
  return { endpoint: endpoint as AnyEndpoint, messages };
}

const q = queueEndpoints;
const s = storageEndpoints;
const a = accessEndpoints;
const page = { queueName: QUEUE, partition: 0, limit: 10 };
const settings = {
  leaseTimeout: '1m',
  expireTimeout: '1h30m',
  maxAttempts: 3,
  reference: 'a reference',
  requestedPartitions: 2,
};

const FILTER = {
  ...{ state: 'dead', ids: [ID], firstId: ID, sourceId: ID, reference: 'r', kind: 'k', encoding: 'e' },
  ...{ metadata: new Map([['key', 'value']]), error: 'no such user', reason: 'rejected', payload: bytes },
  ...{ created: { from: INSTANT }, due: { from: INSTANT, to: INSTANT } },
  ...{ sourceQueue: QUEUE, withoutError: true },
};

const SCHEDULE = {
  ...{ name: 'fuzz', queueName: QUEUE, cron: '*/5 1-3 * JAN,2 mon', timeZone: 'Europe/Berlin' },
  ...{ missed: 'one', item: { utf8: 'text', metadata: new Map([['k', 'v']]) } },
};

/** Correct requests of the calls under `/v2/`. One without an entry does not compile. */
const SEEDS_V2: {
  readonly [Group in keyof typeof endpointsV2]: {
    readonly [Call in keyof (typeof endpointsV2)[Group]]: readonly object[];
  };
} = {
  server: { info: [{}] },
  instances: { list: [{}] },
  storages: { list: [{}] },
  session: { create: [{}, { write: true }], get: [{}], delete: [{}] },
  apiKeys: { rotate: [{ id: ID, grace: '1h' }] },
  audit: {
    list: [{}, { from: INSTANT, to: INSTANT, actor: 'anonymous', action: 'queues.create', limit: 9 }],
  },
  items: {
    find: [
      { queueName: QUEUE, limit: 5, withPayload: true },
      { queueName: QUEUE, filter: FILTER, cursor: Buffer.from('1.').toString('base64url') },
    ],
    retry: [{ queueName: QUEUE, partition: 1, ids: [ID] }],
    delete: [{ queueName: QUEUE, partition: 1, ids: [ID] }],
    export: [{ queueName: QUEUE, limit: 5 }],
    import: [
      {
        queueName: QUEUE,
        items: [
          { state: 'scheduled', enqueueAt: INSTANT, payload: bytes },
          { kind: 'k', firstId: ID, error: 'e' },
        ],
      },
    ],
    summarize: [
      { queueName: QUEUE, by: 'kind', filter: { state: 'waiting', payload: bytes } },
      { queueName: QUEUE, by: 'metadata.tenant' },
    ],
  },
  queue: {
    produce: [
      { queueName: QUEUE, requestTimeout: '1m', items: [{ bytes }, { utf8: 'text', enqueueAt: INSTANT }] },
      {
        queueName: QUEUE,
        requestTimeout: '900ms',
        items: [{ encoding: 'json', kind: 'order', reference: 'é😀', bytes }],
      },
    ],
    lease: [
      { queueName: QUEUE, requestTimeout: '15ms', clientId: 'a client', batchSize: 2 },
      {
        ...{ queueName: QUEUE, requestTimeout: '15ms', clientId: 'one', batchSize: 3 },
        ...{ leaseTimeout: '1m', minItems: 2, maxWait: '10ms' },
      },
    ],
    complete: [{ queueName: QUEUE, partition: 0, requestTimeout: '5s', ids: [ID, `1${ID.slice(1)}`] }],
    retry: [{ queueName: QUEUE, partition: 1, items: [{ id: ID, retryAt: INSTANT, dead: true }] }],
    extend: [{ queueName: QUEUE, partition: 1, requestTimeout: '5s', leaseTimeout: '2m', ids: [ID] }],
  },
  queues: {
    list: [{}, { filter: 'f', sort: 'waiting', descending: true, limit: 5, withRates: true }],
    describe: [{ queueName: QUEUE }],
    rates: [{ queueName: QUEUE, span: '2h' }, { queueName: QUEUE }],
    delete: [{ queueName: NEW, force: true }],
    update: [
      { queueName: QUEUE, deadQueue: NEW, reference: 'r', leaseTimeout: '1m', expireTimeout: '2h' },
      { queueName: NEW, maxAttempts: 3, requestedPartitions: 2, ifUpdatedAt: INSTANT },
    ],
    pause: [
      { queueName: QUEUE, produce: true, lease: true, until: INSTANT },
      { queueName: NEW, lease: true },
    ],
    resume: [{ queueName: QUEUE, produce: true }, { queueName: NEW }],
    resize: [
      { queueName: QUEUE, partitions: 2, dryRun: true },
      { queueName: NEW, partitions: 1, move: true },
    ],
  },
  quotas: {
    get: [{ namespace: '_system' }, { keyId: ID }],
    set: [{ namespace: 'fuzz', limits: { queues: 5, bytesWaiting: 5_000_000_000 } }, { keyId: ID }],
  },
  schedules: {
    create: [SCHEDULE, { ...SCHEDULE, until: INSTANT, missed: 'skip', item: { bytes, kind: 'k' } }],
    update: [{ ...SCHEDULE, missed: 'all' }],
    list: [{ namespace: '_system', queueName: QUEUE, cursor: 'a', limit: 9 }, {}],
    pause: [{ name: 'fuzz' }],
    resume: [{ namespace: '_system', name: 'fuzz' }],
    delete: [{ name: 'fuzz' }],
  },
  tasks: {
    create: [
      { kind: 'delete', queueName: QUEUE, dryRun: true },
      { kind: 'delete', queueName: QUEUE, filter: { state: 'waiting', kind: 'order' }, rate: 9 },
      { kind: 'move_partition', queueName: QUEUE, partition: 0, storageName: 'mem', force: true },
      { kind: 'drain', storageName: 'mem', atOnce: 3, rate: 9, force: true, dryRun: true },
      { kind: 'rebalance', atOnce: 3, dryRun: true },
      { kind: 'resize', queueName: QUEUE, partitions: 2, dryRun: true },
    ],
    get: [{ id: ID }],
    list: [
      { namespace: '_system', state: 'ended', dryRuns: 'without' },
      { queueName: QUEUE, kind: 'delete', state: 'running', limit: 9 },
    ],
    cancel: [{ id: ID }],
  },
};

/** Correct requests of every call. No lease waits for long: it finds items, or its queue is deleted. */
export const FUZZ_SEEDS: readonly FuzzSeed[] = [
  seed(
    q.produce,
    { queueName: QUEUE, requestTimeout: '1m', items: [{ bytes }, { utf8: 'text', enqueueAt: INSTANT }] },
    {
      queueName: QUEUE,
      requestTimeout: '900ms',
      items: [{ encoding: 'json', kind: 'order', reference: 'é😀', bytes }],
    },
  ),
  seed(q.lease, { queueName: QUEUE, requestTimeout: '15ms', clientId: 'a client', batchSize: 2 }),
  seed(q.complete, { queueName: QUEUE, partition: 0, requestTimeout: '5s', ids: [ID, `1${ID.slice(1)}`] }),
  seed(q.retry, { queueName: QUEUE, partition: 1, items: [{ id: ID, retryAt: INSTANT, dead: true }] }),
  seed(q.stats, { queueName: QUEUE }),
  seed(q.clear, { queueName: QUEUE, queue: true, scheduled: true, destructive: true }),
  seed(q.reload, { queueName: QUEUE }),
  seed(
    queuesEndpoints.create,
    { queueName: NEW, ...settings, deadQueue: DEAD },
    {
      queueName: NEW,
      namespace: 'other',
      ...settings,
      partitions: [{ partition: 0, storageName: 'store-0' }],
    },
  ),
  seed(queuesEndpoints.list, { limit: 5, pivot: 'f' }, { namespace: 'other' }),
  seed(queuesEndpoints.info, { queueName: QUEUE }),
  seed(queuesEndpoints.update, { queueName: QUEUE, ...settings }),
  seed(queuesEndpoints.delete, { queueName: NEW, force: true }),
  seed(s.itemsList, page, { ...page, pivot: ID }),
  seed(s.scheduledList, page, { ...page, pivot: ID }),
  seed(s.itemsImport, {
    queueName: QUEUE,
    partition: 1,
    items: [
      {
        sourceId: ID,
        isLeased: true,
        leaseDeadline: INSTANT,
        expireDeadline: INSTANT,
        attempts: 2,
        payload: bytes,
      },
      { enqueueAt: INSTANT, maxAttempts: 9, reference: 'r', encoding: 'e', kind: 'k' },
    ],
  }),
  seed(s.itemsDelete, { queueName: QUEUE, partition: 0, ids: [ID] }),
  seed(a.namespacesCreate, { name: 'other', description: 'text', apiKeyTag: 'tag' }),
  seed(a.namespacesUpdate, { name: 'other', description: 'text' }),
  seed(a.namespacesList, { limit: 10, pivot: 'a' }),
  seed(a.namespacesDelete, { name: 'other' }),
  seed(a.usersCreate, { username: 'someone', email: 'a@b', externalId: 'x' }),
  seed(a.usersList, { limit: 10 }),
  seed(a.usersDelete, { id: ID }),
  seed(a.apiKeysCreate, {
    userId: ID,
    name: 'key',
    namespaceScope: 'other',
    expiresAt: INSTANT,
    keyTag: 'tag',
  }),
  seed(a.apiKeysList, { userId: ID, limit: 10 }),
  seed(a.apiKeysDelete, { id: ID }),
  seed(a.rolesCreate, { namespace: 'other', name: 'reader', permissions: ['queue.stats', 'queue.list'] }),
  seed(a.rolesList, { namespace: 'other' }),
  seed(a.rolesUpdate, { namespace: 'other', name: 'reader', permissions: ['queue.lease'] }),
  seed(a.rolesDelete, { namespace: 'other', name: 'reader' }),
  seed(a.roleBindingsCreate, { namespace: 'other', roleName: 'reader', userId: ID }),
  seed(a.roleBindingsList, { namespace: 'other', userIdFilter: ID }),
  seed(a.roleBindingsDelete, { namespace: 'other', roleName: 'reader', userId: ID }),
  ...Object.entries(SEEDS_V2).flatMap(([group, calls]) =>
    Object.entries<readonly object[]>(calls).map(([call, messages]) => {
      const endpoints: Readonly<Record<string, unknown>> = endpointsV2[group as keyof typeof endpointsV2];
      return seed(endpoints[call], ...messages);
    }),
  ),
];
