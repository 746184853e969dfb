import { consume, createClient } from '@querator/client';
import { afterAll, expect, test } from 'vitest';
import { startInProcess } from './support/terminal.ts';

const { server, fetch } = startInProcess();
const client = createClient({ endpoint: 'http://queue.test', fetch });
afterAll(() => server.stop());

test('consumers share a queue, retry failed items, and empty it', async () => {
  await client.queues.create({
    queueName: 'work',
    leaseTimeout: '1m',
    expireTimeout: '1h',
    requestedPartitions: 2,
  });
  const payloads = Array.from({ length: 300 }, (_, i) => `item-${i}`);
  for (let start = 0; start < payloads.length; start += 50) {
    const items = payloads.slice(start, start + 50).map((utf8) => ({ utf8 }));
    await client.queue.produce({ queueName: 'work', requestTimeout: '5s', items });
  }

  const stop = new AbortController();
  const done: string[] = [];
  const consumer = () =>
    consume(client, {
      queueName: 'work',
      batchSize: 7,
      concurrency: 3,
      signal: stop.signal,
      // Available at once: a time within the schedule threshold is not a schedule.
      retryDelayMs: () => 0,
      handler: ({ payload, attempts }) => {
        const text = Buffer.from(payload).toString();
        if (text.endsWith('0') && attempts === 1) throw new Error('not the first time');
        done.push(text);
        if (done.length === payloads.length) stop.abort();
      },
    });
  await Promise.all([consumer(), consumer()]);

  expect(done.toSorted()).toEqual(payloads.toSorted());
  const stats = await client.queue.stats({ queueName: 'work' });
  expect(stats.logicalQueues[0]?.partitions.map(({ total, scheduled }) => total + scheduled)).toEqual([0, 0]);
});

test('a consumer of an unknown queue gets an error', async () => {
  const running = consume(client, {
    queueName: 'nosuch',
    signal: new AbortController().signal,
    handler: () => {},
  });
  await expect(running).rejects.toThrow("no such queue named 'nosuch'");
});
