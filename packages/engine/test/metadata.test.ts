import { QueueError, unavailable } from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { describe, expect, test } from 'vitest';
import { createService, type QueueCall, type ServiceOptions } from '../src/index.ts';
import { FORGETFUL, ForgetfulStorage } from './support/forgetful-storage.ts';
import { item, payloadOf, queueCall, watch } from './support/harness.ts';

const METADATA = new Map([['tenant', 'blue']]);
const REFUSED = {
  code: 'retry',
  reason: 'unavailable',
  missing: 'metadata',
  message: `metadata is not available; ${FORGETFUL}`,
};

/** A service on one storage that keeps metadata, and on one that does not. */
function start(options: Partial<ServiceOptions> = {}) {
  const clock = new ManualClock();
  const random = new SeededRandom();
  const keeping = new FaultyStorage(memoryBackend({ name: 'keeping', clock, random }));
  const memory = new FaultyStorage(memoryBackend({ name: 'forgetful', clock, random }));
  const forgetful = new ForgetfulStorage(memory);
  const service = createService({
    ...{ clock, random, queueStore: keeping.queueStore() },
    storages: [
      { backend: keeping, affinity: 1 },
      { backend: forgetful.backend, affinity: 1 },
    ],
    limits: { statementsInFlight: 1 },
    ...options,
  });
  const create = (name: string, on: readonly string[], settings: Partial<QueueCall> = {}) =>
    service.queues.create(queueCall(name, settings), {
      partitions: on.map((storageName, partition) => ({ partition, storageName })),
    });
  const produce = (queueName: string, text: string, rest = {}) =>
    service.queue.produceWithIds({ queueName, requestTimeout: '1m', items: [item(text, rest)] });
  let clients = 0;
  const lease = (queueName: string, details = true, batchSize = 10) =>
    service.queue.lease({ queueName, batchSize, clientId: `c${clients++}`, requestTimeout: '1m', details });
  return { clock, service, keeping, memory, forgetful, create, produce, lease };
}

describe('a queue with a partition that keeps no metadata', () => {
  test('refuses what needs it, and serves the rest', async () => {
    const { service, create, produce, lease, memory } = start();
    await create('q', ['keeping', 'forgetful']);
    await expect(produce('q', 'a', { metadata: METADATA })).rejects.toMatchObject(REFUSED);
    await expect(
      service.keyedProduces.produce({
        ...{ queueName: 'q', requestTimeout: '1m', items: [item('a', { metadata: METADATA })] },
        ...{ dedupKey: 'key', itemKeys: [''], dedupWindow: '' },
      }),
    ).rejects.toMatchObject(REFUSED);
    await expect(lease('q')).rejects.toMatchObject(REFUSED);
    await produce('q', 'plain');
    const { partition, items } = await lease('q', false);
    expect(items.map(payloadOf)).toEqual(['plain']);
    const [id] = items.map((leased) => leased.id) as [string];
    const retried = [{ id, dead: false, error: 'e' }];
    for (const retry of [service.queue, service.leasedItems]) {
      await expect(retry.retry({ queueName: 'q', partition, items: retried })).rejects.toMatchObject(REFUSED);
    }
    await service.queue.retry({ queueName: 'q', partition, items: [{ id, dead: false }] });
    expect(memory.count('produceAndLease') + memory.count('produce')).toBeLessThanOrEqual(1);
  });

  test('serves all once the partition keeps metadata, without a restart', async () => {
    const { create, produce, lease, forgetful } = start();
    await create('q', ['forgetful']);
    await expect(lease('q')).rejects.toMatchObject(REFUSED);
    forgetful.keeping.add(0);
    await produce('q', 'a', { metadata: METADATA });
    const { items } = await lease('q');
    expect(items[0]?.details).toMatchObject({ firstId: items[0]?.id, metadata: METADATA });
  });

  test('gives items without details to no consumer that asks for them, whoever waits longest', async () => {
    const { clock, create, produce, lease, forgetful } = start();
    await create('q', ['forgetful']);
    forgetful.keeping.add(0);
    const detailed = watch(lease('q'));
    await clock.advance('0');
    const plain = watch(lease('q', false));
    await clock.advance('0');
    await produce('q', 'a');
    await clock.advance('0');
    expect(detailed.value?.items[0]?.details).toBeDefined();
    await produce('q', 'b');
    await clock.advance('0');
    expect(plain.value?.items.map(payloadOf)).toEqual(['b']);
  });

  test('does not lease for a waiting consumer after the partition has lost its metadata', async () => {
    const { clock, create, produce, lease, forgetful, memory } = start();
    await create('q', ['forgetful']);
    forgetful.keeping.add(0);
    const detailed = watch(lease('q'));
    await clock.advance('0');
    forgetful.keeping.clear();
    memory.fail('lease', 0, 'not-applied');
    memory.fail('produceAndLease', 0, 'not-applied');
    const produced = watch(produce('q', 'a'));
    await clock.advance('1s');
    memory.heal(0);
    await clock.advance('10s');
    expect([produced.state, detailed.state]).toEqual(['fulfilled', 'pending']);
    expect((await lease('q', false)).items.map(payloadOf)).toEqual(['a']);
  });
});

describe('a dead letter', () => {
  const DEATH = { leaseTimeout: '10s', deadQueue: 'dead', maxAttempts: 2 };

  test('brings its details to a queue on another storage', async () => {
    const { clock, service, create, produce, lease, forgetful } = start();
    forgetful.keeping.add(0);
    await create('dead', ['forgetful']);
    await create('q', ['keeping'], DEATH);
    const entered = clock.now();
    const { ids } = await produce('q', 'a', { metadata: METADATA });
    const first = await lease('q');
    const error = 'no such user';
    await service.queue.retry({
      ...{ queueName: 'q', partition: 0 },
      items: [{ id: first.items[0]?.id as string, dead: false, error }],
    });
    const last = await lease('q');
    await clock.advance('10100ms');
    await clock.advance('1s');
    const { items } = await lease('dead');
    expect(items[0]?.details).toEqual({
      ...{ firstId: ids[0], metadata: METADATA, error: undefined },
      source: {
        ...{ queue: 'q', partition: 0, id: last.items[0]?.id, attempts: 2, producedAt: entered, error },
        queueCreatedAt: entered,
        death: { reason: 'attempts', at: expect.any(BigInt) },
      },
    });
  });

  test('arrives without details where none are kept', async () => {
    const { clock, service, create, produce, lease, forgetful } = start();
    await create('dead', ['forgetful']);
    await create('q', ['keeping'], DEATH);
    await produce('q', 'a', { metadata: METADATA });
    const { items } = await lease('q');
    await service.queue.retry({
      ...{ queueName: 'q', partition: 0 },
      items: [{ id: items[0]?.id as string, dead: true, error: 'e' }],
    });
    await clock.advance('1s');
    const letters = await lease('dead', false);
    expect(letters.items.map(payloadOf)).toEqual(['a']);
    forgetful.keeping.add(0);
    await service.queue.retry({
      queueName: 'dead',
      partition: 0,
      items: [{ id: letters.items[0]?.id as string, dead: false }],
    });
    expect((await lease('dead')).items[0]?.details).toMatchObject({ metadata: new Map(), source: undefined });
  });

  test('from a storage that keeps no details tells at least where it came from', async () => {
    const { clock, service, create, produce, lease } = start();
    await create('dead', ['keeping']);
    await create('q', ['forgetful'], DEATH);
    const { ids } = await produce('q', 'a');
    const { items } = await lease('q', false);
    await service.queue.retry({
      ...{ queueName: 'q', partition: 0 },
      items: [{ id: items[0]?.id as string, dead: true }],
    });
    await clock.advance('1s');
    const letters = await lease('dead');
    expect(letters.items[0]?.details).toMatchObject({
      firstId: ids[0],
      source: { queue: 'q', partition: 0, id: ids[0], attempts: 1 },
    });
  });

  test('that died again after it went back counts the attempts of all its lives', async () => {
    const { clock, service, keeping, create, lease } = start();
    await create('dead', ['keeping']);
    await create('q', ['keeping'], DEATH);
    const source = { queue: 'other', partition: 0, id: '0'.repeat(27), attempts: 5, producedAt: clock.now() };
    const details = { firstId: '0'.repeat(27), metadata: METADATA, source };
    const back = { ...item('a'), isLeased: false, attempts: 0, maxAttempts: 0, details };
    await keeping.partitionStore({ queue: 'q', partition: 0 }).import([back], 3_600_000_000_000n as never);
    await service.queue.reload('q');
    const { items } = await lease('q');
    await service.queue.retry({
      ...{ queueName: 'q', partition: 0 },
      items: [{ id: items[0]?.id as string, dead: true }],
    });
    await clock.advance('1s');
    const letters = await lease('dead');
    expect(letters.items[0]?.details?.source).toMatchObject({ queue: 'q', attempts: 6 });
    expect(letters.items[0]?.details?.firstId).toBe(source.id);
  });
});

describe('beside a server of an earlier version', () => {
  const older = unavailable('retry', 'stop the server');

  test('metadata and errors are refused, and details can be read', async () => {
    let isThere = true;
    const require = () => {
      if (isThere) throw older;
      return undefined;
    };
    const { service, create, produce, lease } = start({ requireCapability: require });
    await create('q', ['keeping']);
    await expect(produce('q', 'a', { metadata: METADATA })).rejects.toBe(older);
    await produce('q', 'b');
    const { items } = await lease('q');
    expect(items[0]?.details?.firstId).toBe(items[0]?.id);
    const retried = {
      queueName: 'q',
      partition: 0,
      items: [{ id: items[0]?.id as string, dead: false, error: 'e' }],
    };
    await expect(service.queue.retry(retried)).rejects.toBe(older);
    isThere = false;
    await service.queue.retry(retried);
    await produce('q', 'a', { metadata: METADATA });
  });

  test('metadata waits until all servers are known', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock, create, produce } = start({ requireCapability: () => promise });
    await create('q', ['keeping']);
    const produced = watch(produce('q', 'a', { metadata: METADATA }));
    await clock.advance('0');
    expect(produced.state).toBe('pending');
    resolve();
    await clock.advance('0');
    expect(produced.state).toBe('fulfilled');
    expect(produced.error).not.toBeInstanceOf(QueueError);
  });

  test('no request waits for that longer than its request timeout', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { clock, service, create, keeping } = start({ requireCapability: () => promise });
    await create('q', ['keeping']);
    const call = (requestTimeout: string) => ({
      ...{ queueName: 'q', requestTimeout, items: [item('a', { metadata: METADATA })] },
      ...{ dedupKey: 'key', itemKeys: [], dedupWindow: '' },
    });
    const requests = ['1s', '10s'].flatMap((timeout) => [
      watch(service.queue.produce(call(timeout))),
      watch(service.queue.produceWithIds(call(timeout))),
      watch(service.keyedProduces.produce(call(timeout))),
    ]);
    const states = () => requests.map(({ state }) => state);
    const [short, long] = [requests.slice(0, 3), requests.slice(3)];
    await clock.advance('999ms');
    expect(states()).toEqual(requests.map(() => 'pending'));
    await clock.advance('1ms');
    for (const { error } of short) {
      const message = 'request timeout; items were not produced, try again';
      expect(error).toMatchObject({ code: 'retry', reason: 'unavailable', message });
    }
    // The others have as much time left as they asked for, less what they have waited.
    keeping.hold('produce', 0);
    keeping.hold('produceKeyed', 0);
    await clock.advance('8s');
    resolve();
    await clock.advance('999ms');
    for (const { state } of long) expect(state).toBe('pending');
    await clock.advance('1ms');
    for (const { error } of long) expect(error).toMatchObject({ code: 'retry' });
  });
});

test('a lease of items with their details waits no longer than its request timeout for a probe', async () => {
  const { clock, create, lease, memory } = start();
  await create('q', ['forgetful']);
  await expect(lease('q')).rejects.toMatchObject(REFUSED);
  memory.hold('probe', 0);
  const leased = watch(lease('q'));
  await clock.advance('59s');
  expect(leased.state).toBe('pending');
  await clock.advance('1s');
  expect(leased.error).toMatchObject({ code: 'retry', message: expect.stringMatching(/^request timeout;/) });
});
