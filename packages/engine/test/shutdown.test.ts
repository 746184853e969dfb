import { silentLogger } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { createService } from '../src/index.ts';
import { Harness, item, queueCall, watch } from './support/harness.ts';

test('refuses new calls, answers waiting ones, and finishes statements in flight', async () => {
  const h = new Harness();
  await h.create('q');
  await h.service.queue.stats('q');
  const release = h.storage.hold('produce', 0);
  const running = watch(h.produce('q', ['running']));
  await h.settle();
  const parked = watch(h.produce('q', ['parked']));
  await h.create('empty');
  const waiting = watch(h.lease('empty'));
  await h.settle();

  const done = watch(h.service.shutdown());
  await h.settle();
  expect(parked.error).toMatchObject({ code: 'failed', message: 'queue is shutting down' });
  expect(waiting.error).toMatchObject({ code: 'failed', message: 'queue is shutting down' });
  await expect(h.produce('q', ['late'])).rejects.toMatchObject({
    code: 'failed',
    message: 'service is shutting down',
  });
  await expect(h.service.queues.info('q')).rejects.toThrow('service is shutting down');
  expect([running.state, done.state]).toEqual(['pending', 'pending']);

  release();
  await h.settle();
  expect([running.state, done.state]).toEqual(['fulfilled', 'fulfilled']);
  const stored = await h.storage
    .partitionStore({ queue: 'q', partition: 0 })
    .list({ state: 'queued', pivot: '', limit: 10 });
  expect(stored).toHaveLength(1);
});

test('ends while all partitions are failing, and leaves no timer', async () => {
  const h = new Harness();
  await h.create('q', { requestedPartitions: 2 });
  await h.service.queue.stats('q');
  h.storage.cut(0);
  h.storage.cut(1);
  const parked = watch(h.produce('q', ['a'], '15m'));
  await h.clock.advance('10s');
  await h.service.shutdown();
  await h.settle();
  expect(parked.error?.message).toBe('queue is shutting down');
  expect(h.clock.pendingTimers).toBe(0);
});

test('answers a produce that storage refuses meanwhile, and sends it to no other partition', async () => {
  const h = new Harness();
  await h.create('q', { requestedPartitions: 2 });
  await h.service.queue.stats('q');
  h.storage.fail('produce', 0, 'not-applied');
  const release = h.storage.hold('produce', 0, 'before');
  const produced = watch(h.produce('q', ['a']));
  await h.settle();
  const done = watch(h.service.shutdown());
  await h.settle();
  release();
  await h.settle();
  expect([produced.error?.message, done.state]).toEqual(['queue is shutting down', 'fulfilled']);
  expect(h.storage.count('produce')).toBe(1);
});

test.each([
  ['update', (h: Harness) => h.service.queues.update(queueCall('q'))],
  ['create', (h: Harness) => h.create('other')],
  ['get', (h: Harness) => h.service.queues.info('q')],
  ['list', (h: Harness) => h.service.queues.list({ namespace: '', pivot: '', limit: 0 })],
] as const)('waits for a call on settings that storage has: %s', async (operation, call) => {
  const h = new Harness();
  await h.create('q');
  const release = h.storage.holdQueues(operation);
  const running = watch<unknown>(call(h));
  await h.settle();
  const done = watch(h.service.shutdown());
  await h.settle();
  expect([running.state, done.state]).toEqual(['pending', 'pending']);
  release();
  await h.settle();
  expect([running.state, done.state]).toEqual(['fulfilled', 'fulfilled']);
});

test('waits for the other partitions if a deletion fails in one', async () => {
  const h = new Harness();
  await h.create('q', { requestedPartitions: 2 });
  h.storage.fail('drop', 0, 'not-applied');
  const release = h.storage.hold('drop', 1);
  const deleted = watch(h.service.queues.delete('q', false));
  await h.settle();
  const done = watch(h.service.shutdown());
  await h.settle();
  expect([deleted.state, done.state]).toEqual(['pending', 'pending']);
  release();
  await h.settle();
  expect([deleted.error, done.state]).toMatchObject([{ code: 'retry' }, 'fulfilled']);
});

describe('a dead-letter move during a shutdown', () => {
  /** A service whose queue has a dead item that is about to be moved. */
  async function moving() {
    const h = new Harness();
    const loud: string[] = [];
    const shout = (message: string) => void loud.push(message);
    const service = createService({
      clock: h.clock,
      random: new SeededRandom(2),
      queueStore: h.storage.queueStore(),
      logger: { ...silentLogger, warn: shout, error: shout },
      storages: [{ backend: h.storage, affinity: 1 }],
    });
    await service.queues.create(queueCall('dead'));
    await service.queues.create(queueCall('q', { deadQueue: 'dead', maxAttempts: 1 }));
    await service.queue.produce({ queueName: 'q', requestTimeout: '1m', items: [item('a')] });
    await service.queue.lease({ queueName: 'q', requestTimeout: '1m', clientId: 'c', batchSize: 1 });
    return { h, loud, service };
  }

  test('is left to the next start without a log line', async () => {
    const { h, loud, service } = await moving();
    await h.clock.advance('60s');
    const release = h.storage.hold('sweep', 0);
    await h.clock.advance('1s');
    const done = watch(service.shutdown());
    release();
    await h.settle();
    expect([done.state, loud]).toEqual(['fulfilled', []]);
    expect(h.storage.count('prepareLetters')).toBe(0);
    await h.service.queue.stats('q');
    await h.clock.advance('1m');
    expect(await h.payloads('dead')).toEqual(['a']);
  });

  test('is followed by no other sweep', async () => {
    const { h, service } = await moving();
    h.storage.fail('prepareLetters', 0, 'not-applied');
    await h.clock.advance('61s');
    h.storage.heal(0);
    const release = h.storage.hold('prepareLetters', 0);
    await h.clock.advance('2s');
    const before = h.storage.count('sweep');
    const done = watch(service.shutdown());
    await h.settle();
    expect(done.state).toBe('pending');
    release();
    await h.settle();
    expect(done.state).toBe('fulfilled');
    expect(h.storage.count('sweep') - before).toBe(0);
  });

  test('is logged if storage fails', async () => {
    const { h, loud, service } = await moving();
    h.storage.fail('prepareLetters', 0, 'not-applied');
    const release = h.storage.hold('prepareLetters', 0, 'before');
    await h.clock.advance('61s');
    const done = watch(service.shutdown());
    release();
    await h.settle();
    expect([done.state, loud]).toEqual([
      'fulfilled',
      ['items could not be moved to the dead-letter queue; they stay, and are tried again'],
    ]);
  });
});
