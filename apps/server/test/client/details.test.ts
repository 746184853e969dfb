import {
  createClient,
  Dead,
  ensureQueue,
  inProcess,
  json,
  type Producer,
  type ProduceSource,
  producer,
  type QueueSource,
  type Telemetry,
  type WorkItem,
  worker,
} from '@querator/client';
import { SystemClock, SystemRandom } from '@querator/core';
import { createService } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { describe, expect, test } from 'vitest';
import { STORAGES, useServer } from '../support/test-server.ts';

/** A telemetry that records which pairs arrive with which handler. */
function tracing() {
  const handled: unknown[] = [];
  const telemetry: Telemetry = {
    send: (_, run) => run({ traceparent: '00-trace-span-01' }),
    handle: (work, run) => {
      handled.push([work.firstId, work.attempts, work.pairs]);
      return run();
    },
  };
  return { telemetry, handled };
}

/** Runs a worker until its handler was called the given number of times. */
async function workOn(
  source: QueueSource,
  queue: string,
  { items, telemetry, fail }: { items: number; telemetry?: Telemetry; fail?: (attempts: number) => void },
): Promise<WorkItem<string>[]> {
  const seen: WorkItem<string>[] = [];
  const all = Promise.withResolvers<void>();
  await using working = worker(source, {
    ...{ queue, codec: json<string>(), stopSignals: [], retryDelay: () => 0, telemetry },
    hooks: { failed: () => {} },
    handler: (item) => {
      seen.push(item);
      if (seen.length === items) all.resolve();
      fail?.(item.attempts);
    },
  });
  await Promise.race([all.promise, working.done]);
  return seen;
}

async function followItem(source: QueueSource & ProduceSource, names: readonly [string, string]) {
  const [queue, dead] = names;
  const { telemetry, handled } = tracing();
  const sending: Producer<string> = producer(source, { queue, codec: json<string>(), telemetry });
  const { id } = await sending.send('a', { metadata: { tenant: 'blue', traceparent: 'mine' } });
  const [first, second] = await workOn(source, queue, {
    ...{ items: 2, telemetry },
    fail: (attempts) => {
      if (attempts === 1) throw new Error('not yet');
      throw new Dead('wrong address');
    },
  });
  const metadata = { tenant: 'blue', traceparent: 'mine' };
  expect(first).toMatchObject({ id, firstId: id, metadata, attempts: 1, source: undefined });
  expect(first?.createdAt).toBeInstanceOf(Date);
  expect(second).toMatchObject({ firstId: id, metadata, attempts: 2 });
  expect(second?.id).not.toBe(id);
  expect(handled).toEqual([
    [id, 1, metadata],
    [id, 2, metadata],
  ]);
  const [letter] = await workOn(source, dead, { items: 1 });
  expect(letter).toMatchObject({
    ...{ payload: 'a', firstId: id, metadata },
    source: { queue, partition: 0, attempts: 2, reason: 'rejected', error: 'wrong address' },
  });
  expect(letter?.source?.diedAt).toBeInstanceOf(Date);

  const traced = await sending.send('b');
  const [item] = await workOn(source, queue, { items: 1 });
  expect(item).toMatchObject({ firstId: traced.id, metadata: { traceparent: '00-trace-span-01' } });
  await sending.close();
}

describe.each(STORAGES)('an item on %s', (storage) => {
  const server = useServer(storage);

  test('keeps its first id, metadata, trace and error on its way', async () => {
    const client = createClient({ endpoint: server.url });
    await ensureQueue(client, { queue: 'letters' });
    await ensureQueue(client, { queue: 'mail', deadQueue: 'letters' });
    await followItem(client, ['mail', 'letters']);
  });
});

test('an item of an engine in the same process keeps them too', async () => {
  const deps = { clock: new SystemClock(), random: new SystemRandom() };
  const backend = memoryBackend({ name: 'mem', ...deps });
  const storages = [{ backend, affinity: 1 }];
  const service = createService({ ...deps, queueStore: backend.queueStore(), storages });
  const settings = { namespace: '', reference: '', maxAttempts: 0, requestedPartitions: 1 };
  const timeouts = { leaseTimeout: '1m', expireTimeout: '24h' };
  await service.queues.create({ queueName: 'letters', deadQueue: '', ...settings, ...timeouts });
  await service.queues.create({ queueName: 'mail', deadQueue: 'letters', ...settings, ...timeouts });
  await followItem(inProcess(service), ['mail', 'letters']);
  await service.shutdown();
});
