import { createClient, ensureQueue, json, producer, worker } from '@querator/client';
import { describe, expect, test } from 'vitest';
import { STORAGES, useServer } from '../support/test-server.ts';

interface Order {
  readonly number: number;
}

describe.each(STORAGES)('a worker and a producer on %s', (storage) => {
  const server = useServer(storage);
  const client = () => createClient({ endpoint: server.url });

  test('pass each item on once, in order, with one handler', async () => {
    await ensureQueue(client(), { queue: 'orders' });
    const numbers = Array.from({ length: 300 }, (_, number) => number);
    const handled: number[] = [];
    const all = Promise.withResolvers<void>();
    const codec = json<Order>();
    await using orders = producer(client(), { queue: 'orders', codec });
    await using working = worker(client(), {
      ...{ queue: 'orders', codec, stopSignals: [] },
      handler: ({ payload: { number } }) => {
        handled.push(number);
        if (handled.length === numbers.length) all.resolve();
      },
    });
    const sent = await Promise.all(numbers.map((number) => orders.send({ number }, { kind: 'order' })));
    expect(new Set(sent.map(({ id }) => id)).size).toBe(numbers.length);
    await Promise.race([all.promise, working.done]);
    await working.stop();
    expect(handled).toEqual(numbers);
    const stats = await client().queue.stats({ queueName: 'orders' });
    expect(stats.logicalQueues[0]?.partitions[0]?.total).toBe(0);
  });

  test('retry what fails, and share the work of several partitions', async () => {
    await ensureQueue(client(), { queue: 'shared', partitions: 3 });
    await using mails = producer(client(), { queue: 'shared' });
    const names = Array.from({ length: 100 }, (_, n) => `item ${n}`);
    const done: string[] = [];
    const all = Promise.withResolvers<void>();
    let most = 0;
    let atWork = 0;
    const workers = Array.from({ length: 2 }, () =>
      worker(client(), {
        ...{ queue: 'shared', concurrency: 5, stopSignals: [], retryDelay: () => 0 },
        hooks: { failed: () => {} },
        handler: async ({ bytes, attempts }) => {
          atWork++;
          most = Math.max(most, atWork);
          await new Promise((resolve) => setImmediate(resolve));
          atWork--;
          const name = Buffer.from(bytes).toString();
          if (name.endsWith('0') && attempts === 1) throw new Error('not the first time');
          done.push(name);
          if (done.length === names.length) all.resolve();
        },
      }),
    );
    await Promise.all(names.map((name) => mails.send(Buffer.from(name))));
    await Promise.race([all.promise, ...workers.map((working) => working.done)]);
    await Promise.all(workers.map((working) => working.stop()));
    expect(done.toSorted()).toEqual(names.toSorted());
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(10);
  });

  test('report an unknown queue', async () => {
    const working = worker(client(), { queue: 'nosuch', stopSignals: [], handler: () => {} });
    await expect(working.done).rejects.toThrow("no such queue named 'nosuch'");
    const sending = producer(client(), { queue: 'nosuch' });
    const sends = await Promise.allSettled(['a', 'b', 'c'].map((text) => sending.send(Buffer.from(text))));
    for (const sent of sends) {
      expect(sent).toMatchObject({ reason: { message: expect.stringContaining("queue named 'nosuch'") } });
    }
  });

  test('give errors to the sends that they belong to', async () => {
    await ensureQueue(client(), { queue: 'mixed' });
    await using mixed = producer(client(), { queue: 'mixed' });
    const sends = await Promise.allSettled([
      mixed.send(Buffer.from('a')),
      mixed.send(Buffer.alloc(6_000_000)),
      mixed.send(Buffer.from('c')),
    ]);
    expect(sends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(sends[1]).toMatchObject({ reason: { reason: 'too_large' } });
  });
});
