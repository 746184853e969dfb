import { inProcess, json, producer, worker } from '@querator/client';
import { SystemClock, SystemRandom } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { createService, type Service } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { expect, test } from 'vitest';

async function createQueue(service: Service, leaseTimeout: string): Promise<void> {
  await service.queues.create({
    ...{ queueName: 'q', namespace: '', deadQueue: '', reference: '', maxAttempts: 0 },
    ...{ leaseTimeout, expireTimeout: '24h', requestedPartitions: 1 },
  });
}

function engineWith(deps: Pick<Parameters<typeof createService>[0], 'clock' | 'random'>): Service {
  const backend = memoryBackend({ name: 'mem', ...deps });
  return createService({ ...deps, queueStore: backend.queueStore(), storages: [{ backend, affinity: 1 }] });
}

test('a worker and a producer run on an engine in the same process', async () => {
  const service = engineWith({ clock: new SystemClock(), random: new SystemRandom() });
  await createQueue(service, '1m');
  const codec = json<number>();
  await using numbers = producer(inProcess(service), { queue: 'q', codec });
  const done: number[] = [];
  const all = Promise.withResolvers<void>();
  await using working = worker(inProcess(service), {
    ...{ queue: 'q', codec, concurrency: 10, stopSignals: [], retryDelay: () => 0 },
    hooks: { failed: () => {} },
    handler: ({ payload, attempts }) => {
      if (payload % 7 === 0 && attempts === 1) throw new Error('not the first time');
      done.push(payload);
      if (done.length === 500) all.resolve();
    },
  });
  const sent = await Promise.all(Array.from({ length: 500 }, (_, n) => numbers.send(n)));
  expect(new Set(sent.map(({ id }) => id)).size).toBe(500);
  await Promise.race([all.promise, working.done]);
  await working.stop();
  expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, n) => n));
  await service.shutdown();
});

test('a worker renews the leases of an engine in the same process', async () => {
  const deps = { clock: new ManualClock(), random: new SeededRandom() };
  const service = engineWith(deps);
  await createQueue(service, '10s');
  const sending = producer(inProcess(service), { queue: 'q', ...deps });
  const sent = sending.send(Buffer.from('long'));
  await deps.clock.advance('1ms');
  await sent;
  const attempts: number[] = [];
  const completed: string[] = [];
  const working = worker(inProcess(service), {
    ...{ queue: 'q', stopSignals: [], ...deps },
    hooks: { completed: ({ bytes }) => completed.push(Buffer.from(bytes).toString()) },
    handler: async (item) => {
      attempts.push(item.attempts);
      await new Promise<void>((resolve) => deps.clock.startTimer(60_000, resolve));
    },
  });
  for (let seconds = 0; seconds < 61; seconds++) await deps.clock.advance('1s');
  expect(attempts).toEqual([1]);
  expect(completed).toEqual(['long']);
  const stopped = working.stop();
  await deps.clock.advance('1s');
  await stopped;
  await service.shutdown();
});
