import {
  addDuration,
  decorateStore,
  milliseconds,
  type QueueCounts,
  RATE_INTERVAL,
  type RateStore,
  STORAGE_BACKEND,
  StorageError,
  toMicroseconds,
} from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { beforeEach, expect, test } from 'vitest';
import { createService, type Service } from '../src/index.ts';

const SETTINGS = {
  ...{ leaseTimeout: '1m', expireTimeout: '1h' },
  ...{ namespace: '', deadQueue: '', maxAttempts: 0, reference: '', requestedPartitions: 1 },
};
const HOUR = milliseconds(3_600_000);

let clock: ManualClock;
let service: Service;
let added: QueueCounts[][];
let fault: Error | undefined;
let logged: string[];
let events: string[];
let counted: number;
let hanging: boolean;

beforeEach(async () => {
  clock = new ManualClock();
  added = [];
  logged = [];
  events = [];
  fault = undefined;
  counted = 0;
  hanging = false;
  service = await serviceWith((inner) => ({
    add: async (counts) => {
      added.push([...counts]);
      if (fault !== undefined) throw fault;
      await inner.add(counts);
    },
    read: (request) => inner.read(request),
  }));
});

async function serviceWith(storeOf: (inner: RateStore) => RateStore | undefined): Promise<Service> {
  const memory = memoryBackend({ name: 'mem', clock, random: new SeededRandom() });
  const backend = decorateStore(STORAGE_BACKEND, memory, (member, call) => {
    if (member !== 'countSmall') return call;
    return (...args) => {
      counted++;
      return hanging ? new Promise(() => {}) : call(...args);
    };
  });
  const inner = backend.rateStore?.() as RateStore;
  const made = createService({
    ...{ clock, random: new SeededRandom(), queueStore: backend.queueStore() },
    storages: [{ backend, affinity: 1 }],
    rateStore: storeOf(inner),
    observer: { items: (queue, event, count) => events.push(`${queue} ${event} ${count}`), batch: () => {} },
    logger: {
      ...{ debug: () => {}, warn: () => {}, error: () => {} },
      info: (message) => logged.push(message),
    },
  });
  for (const queueName of ['q', 'other']) await made.queues.create({ queueName, ...SETTINGS });
  return made;
}

const produce = (queueName: string, count: number) =>
  service.queue.produce({
    queueName,
    requestTimeout: '5s',
    items: Array.from({ length: count }, () => ({
      encoding: '',
      kind: '',
      reference: '',
      payload: Buffer.from('x'),
    })),
  });

test('what happened is added ten seconds after the first event, and read by minutes', async () => {
  await toNextMinute();
  const minute = clock.now();
  await produce('q', 3);
  await produce('other', 1);
  await clock.advance('9999ms');
  expect(added).toEqual([]);
  await clock.advance('1ms');
  await produce('q', 2);
  await clock.advance('50s');
  await produce('q', 10);
  await clock.advance('10s');
  expect(added).toHaveLength(3);
  expect(await service.rates.read('q', HOUR)).toMatchObject({
    now: clock.now(),
    counts: [
      { queue: 'q', minute, produced: 5, completed: 0 },
      { queue: 'q', minute: addDuration(minute, RATE_INTERVAL), produced: 10 },
    ],
  });
  expect(events).toContain('q produced 3');
});

test('what a queue with traffic holds is added once a minute', async () => {
  await toNextMinute();
  const minute = clock.now();
  await produce('q', 3);
  await clock.advance('10s');
  await produce('q', 2);
  await clock.advance('10s');
  expect(added.map(([each]) => each?.depth?.waiting)).toEqual([3, undefined]);
  await clock.advance('40s');
  await produce('q', 1);
  await clock.advance('10s');
  const depth = { waiting: 6, leased: 0, scheduled: 0, headAgeMs: 70_000 };
  expect(added.at(-1)).toMatchObject([{ queue: 'q', depth }]);
  expect((await service.rates.read('q', HOUR)).counts).toMatchObject([
    { minute, produced: 5, depth: { waiting: 3, headAgeMs: 10_000 } },
    { minute: addDuration(minute, RATE_INTERVAL), produced: 1, depth },
  ]);
  // Without traffic nothing is counted or written.
  const before = counted;
  await clock.advance('30m');
  expect([added.length, counted]).toEqual([3, before]);
});

test('a count that hangs holds up no rates, and is not joined by others', async () => {
  hanging = true;
  await produce('q', 1);
  await clock.advance('12s');
  expect(added).toMatchObject([[{ queue: 'q', produced: 1 }]]);
  expect(added[0]?.[0]?.depth).toBeUndefined();
  await produce('q', 2);
  await clock.advance('70s');
  expect(added.at(-1)).toMatchObject([{ queue: 'q', produced: 2 }]);
  expect(counted).toBe(1);
});

async function toNextMinute(): Promise<void> {
  const minute = toMicroseconds(RATE_INTERVAL);
  await clock.advance(milliseconds(Number(minute - (clock.now() % minute)) / 1_000));
}

test('a process without traffic writes nothing', async () => {
  await clock.advance('1h');
  await service.shutdown();
  expect(added).toEqual([]);
});

test('a shutdown writes what is left', async () => {
  await produce('q', 3);
  await service.shutdown();
  expect(added).toMatchObject([[{ queue: 'q', produced: 3 }]]);
});

test('a shutdown waits for a storage that hangs for a second at most', async () => {
  service = await serviceWith(() => ({
    add: () => new Promise(() => {}),
    read: () => Promise.reject(new Error('not called')),
  }));
  await produce('q', 1);
  const stopped = service.shutdown();
  await clock.advance('1s');
  await stopped;
});

test('counts that were not stored are added later, and those of an unknown outcome are not', async () => {
  await produce('q', 3);
  fault = new StorageError('no connection', { outcome: 'not-applied' });
  await clock.advance('10s');
  await produce('q', 1);
  await clock.advance('10s');
  expect(added.map(([counts]) => counts?.produced)).toEqual([3, 4]);
  fault = new StorageError('connection lost', { outcome: 'unknown' });
  await produce('q', 1);
  await clock.advance('10s');
  fault = undefined;
  await produce('q', 10);
  await clock.advance('10s');
  expect(added.map(([counts]) => counts?.produced)).toEqual([3, 4, 5, 10]);
  expect(logged.filter((message) => message.includes('rates'))).toHaveLength(1);
});

test('more queues than a call takes go in several calls', async () => {
  const names = Array.from({ length: 1_001 }, (_, n) => `q-${n}`);
  for (const queueName of names) {
    await service.queues.create({ queueName, ...SETTINGS });
    await produce(queueName, 1);
  }
  await clock.advance('10s');
  expect(added.map((counts) => counts.length)).toEqual([1_000, 1]);
});

test.each(['999ms', '24h1ms'] as const)('a span of %s is refused', async (text) => {
  const span = milliseconds(text === '999ms' ? 999 : 86_400_001);
  await expect(service.rates.read('q', span)).rejects.toMatchObject({
    code: 'invalid',
    message: "span is invalid; must be from '1s' to '24h0m0s'",
  });
});

test('an unknown queue has no rates, and neither has a service without a store', async () => {
  await expect(service.rates.read('missing', HOUR)).rejects.toMatchObject({ reason: 'no_such_queue' });
  service = await serviceWith(() => undefined);
  await expect(service.rates.read('q', HOUR)).rejects.toMatchObject({ reason: 'unavailable' });
  await produce('q', 1);
  expect(events).toContain('q produced 1');
});
