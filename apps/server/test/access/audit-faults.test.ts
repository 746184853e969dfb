import { NO_QUOTAS, Quotas } from '@querator/access';
import {
  type AuditEvent,
  type AuditStore,
  LAST_INSTANT,
  type Logger,
  StorageError,
  silentLogger,
} from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { createService, type Service } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AuditTable } from '../../src/audit/audit-table.ts';
import { type HttpFixture, httpFixture } from '../support/http-fixture.ts';
import { until } from '../support/raw-connection.ts';
import { readReply } from '../support/test-server.ts';

const QUEUE = { queue_name: 'q', lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };

let storage: FaultyStorage;
let stored: AuditStore;
let service: Service;
let auditTable: AuditTable;
let http: HttpFixture;
let warnings: string[];
/** Fails the calls of `append` from then on. */
let isBroken: boolean;

beforeEach(() => {
  const clock = new ManualClock();
  const random = new SeededRandom();
  const backend = memoryBackend({ name: 'memory', clock, random });
  storage = new FaultyStorage(backend);
  stored = backend.auditStore?.() as AuditStore;
  isBroken = false;
  warnings = [];
  const store: AuditStore = {
    append: async (events) => {
      if (isBroken) throw new StorageError('injected', { outcome: 'unknown' });
      await stored.append(events);
    },
    list: (request) => stored.list(request),
    prune: (keep, limit) => stored.prune(keep, limit),
  };
  const logger: Logger = { ...silentLogger, warn: (message) => void warnings.push(message) };
  const queueStore = storage.queueStore();
  service = createService({ clock, random, queueStore, storages: [{ backend: storage, affinity: 1 }] });
  auditTable = new AuditTable({ store, clock, monotonicClock: () => 0, logger });
  http = httpFixture(service, clock, { auditTable });
});
afterEach(() => service.shutdown());

const post = async (path: string, body: object) =>
  readReply(
    await http.app.request(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );

/** The stored events, the oldest first. */
async function events(): Promise<readonly AuditEvent[]> {
  const all = {
    namespace: undefined,
    from: 0n as never,
    to: LAST_INSTANT,
    actor: undefined,
    actions: undefined,
  };
  const page = await stored.list({ ...all, after: undefined, limit: 100 });
  return page.events.toReversed();
}

/** Quotas that allow each namespace two items. */
function quotasOfTwo(clock: ManualClock, monotonicMs: () => number): Quotas {
  return new Quotas({
    ...{ clock, logger: silentLogger, monotonicMs },
    configured: { ...NO_QUOTAS, default: { itemsWaiting: 2 } },
    liveProcesses: () => 1,
    everyoneKnowsQuotas: () => undefined,
    measure: (namespace) => service.namespaces.items(namespace),
    countQueues: (namespace) => service.namespaces.queues(namespace),
  });
}

const outcomes = async () => (await events()).map(({ action, outcome }) => `${action} ${outcome}`).sort();

test('a change that took effect unnoticed has the event of its success', async () => {
  storage.failQueues('create', 'unknown-applied');
  expect((await post('/v1/queues.create', QUEUE)).status).toBe(454);
  storage.healQueues();
  expect((await post('/v1/queues.info', { queue_name: 'q' })).status).toBe(200);
  expect(await outcomes()).toEqual(['queues.create ok']);
});

test('a change that was lost unnoticed has the event of its failure', async () => {
  storage.failQueues('create', 'unknown-lost');
  expect((await post('/v1/queues.create', QUEUE)).status).toBe(454);
  expect(await events()).toMatchObject([{ outcome: 'failed', code: 454 }]);
});

test('items stay as they are if the event before cannot be stored', async () => {
  await post('/v1/queues.create', QUEUE);
  await post('/v1/storage/items.import', { queue_name: 'q', items: [{}] });
  const before = await outcomes();
  isBroken = true;
  const calls: [path: string, body: object][] = [
    ['/v1/queue.clear', { queue_name: 'q', queue: true }],
    ['/v1/storage/items.import', { queue_name: 'q', items: [{}] }],
    ['/v1/storage/items.delete', { queue_name: 'q', ids: ['x'] }],
    ['/v1/queues.delete', { queue_name: 'q' }],
    ['/v2/queues.delete', { queue_name: 'q', force: true }],
  ];
  const imports = storage.count('import');
  for (const [path, body] of calls) {
    const { status, json } = await post(path, body);
    // Nothing of the call was done, although the outcome of the event is not known.
    expect([status, json.details.code]).toEqual([454, 'unavailable']);
  }
  expect([storage.count('clear'), storage.count('delete'), storage.count('drop')]).toEqual([0, 0, 0]);
  expect(storage.count('import')).toBe(imports);
  isBroken = false;
  expect(await outcomes()).toEqual(before);
  expect((await post('/v1/storage/items.list', { queue_name: 'q' })).json.items).toHaveLength(1);
});

test('items that are not stored, because their event cannot be, use up no quota', async () => {
  const clock = new ManualClock();
  let nowMs = 0;
  http = httpFixture(service, clock, { auditTable, quotas: quotasOfTwo(clock, () => nowMs) });
  await post('/v1/queues.create', QUEUE);
  isBroken = true;
  const items = { queue_name: 'q', items: [{}, {}] };
  expect((await post('/v1/storage/items.import', items)).json.details.code).toBe('unavailable');
  isBroken = false;
  nowMs += 2_000;
  await clock.advance('2s');
  expect((await post('/v1/storage/items.import', items)).status).toBe(200);
  expect((await post('/v1/storage/items.import', items)).json.details.code).toBe('over_limit');
});

test.each([
  ['/v1/queue.clear', { queue_name: 'q', queue: true }, 'clear'],
  ['/v1/storage/items.import', { queue_name: 'q', items: [{}] }, 'import'],
  ['/v1/queues.delete', { queue_name: 'q' }, 'drop'],
] as const)('the event before %s is stored before any item changes', async (path, body, operation) => {
  await post('/v1/queues.create', QUEUE);
  const release = storage.hold(operation, 0, 'before');
  const calling = post(path, body);
  await until(() => storage.count(operation) > 0);
  const action = path.slice('/v1/'.length);
  expect(await outcomes()).toEqual([`${action} begun`, 'queues.create ok'].sort());
  release();
  expect((await calling).status).toBe(200);
  expect(await outcomes()).toEqual([`${action} begun`, `${action} ok`, 'queues.create ok'].sort());
});

test('a call that a shutdown waits for has an event of its end', async () => {
  await post('/v1/queues.create', QUEUE);
  const release = storage.hold('clear', 0);
  const calling = post('/v1/queue.clear', { queue_name: 'q', queue: true });
  await until(() => storage.count('clear') > 0);
  const stopping = service.shutdown().then(() => auditTable.stop());
  release();
  await stopping;
  expect(await outcomes()).toEqual(['queue.clear begun', 'queue.clear ok', 'queues.create ok']);
  expect((await calling).status).toBe(200);
});

test('a call that has changed items succeeds, even if the event after cannot be stored', async () => {
  await post('/v1/queues.create', QUEUE);
  const release = storage.hold('clear', 0);
  const calling = post('/v1/queue.clear', { queue_name: 'q', queue: true });
  await until(() => storage.count('clear') > 0);
  isBroken = true;
  release();
  expect((await calling).status).toBe(200);
  expect(warnings).toEqual(['an audit event could not be stored']);
  expect(await outcomes()).toEqual(['queue.clear begun', 'queues.create ok']);
});
