import { createClient } from '@querator/client';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { copyJobs, openSystem } from '@querator/migration';
import { compose, defaultConfig } from '@querator/server';
import { Redis } from '@querator/tooling-postgres/debian';
import { FlowProducer, Queue, Worker } from 'bullmq';
import { afterAll, beforeAll, expect, test } from 'vitest';

const server = compose(defaultConfig(), {
  clock: new SystemClock(),
  random: new SystemRandom(),
  logger: silentLogger,
});
const to = createClient({
  endpoint: 'http://in.process',
  fetch: async (url, init) => server.app.fetch(new Request(url, init), {}),
});
let redis: Redis;
let mail: Queue;
const connection = () => ({ host: '127.0.0.1', port: redis.port });

beforeAll(async () => {
  redis = await Redis.start();
  await server.start();
  mail = new Queue('mail', { connection: connection() });
  await mail.waitUntilReady();
});
afterAll(async () => {
  await mail.close();
  await server.stop();
  await redis.stop();
});

/** Takes the next job of a queue, as a worker does. */
async function take() {
  const worker = new Worker('mail', undefined, { connection: connection(), autorun: false });
  await worker.waitUntilReady();
  const job = await worker.getNextJob('token');
  return { job, close: () => worker.close() };
}

async function copy(dryRun = false) {
  const system = await openSystem(`bullmq:redis://127.0.0.1:${redis.port}`, {
    clock: new SystemClock(),
    env: {},
  });
  const work = { random: new SystemRandom(), sleep: async () => {}, signal: new AbortController().signal };
  try {
    return await copyJobs({ ...work, system, to: dryRun ? undefined : to, queues: ['mail'], window: '1h' });
  } finally {
    await system.close();
  }
}

test('the jobs of BullMQ are copied with their states, in its order, and once', async () => {
  await mail.add('done', { n: 0 });
  const done = await take();
  await done.job?.moveToCompleted('fine', 'token', false);
  await done.close();
  await mail.add('fails', { n: 1 }, { attempts: 4 });
  const failing = await take();
  await failing.job?.moveToFailed(new Error('no route'), 'token', false);
  await failing.close();
  await mail.add('first', { n: 2, text: 'é😀' }, { jobId: 'custom-id' });
  const running = await take();
  await mail.add('second', { n: 3 }, { deduplication: { id: 'three' } });
  await mail.add('later', { n: 4 }, { delay: 3_600_000, backoff: 500 });
  await mail.add('low', { n: 5 }, { priority: 9 });
  await mail.add('high', { n: 6 }, { priority: 2 });
  await mail.upsertJobScheduler('nightly', { every: 86_400_000 }, { name: 'tick', data: { n: 7 } });
  const flows = new FlowProducer({ connection: connection() });
  await flows.add({
    ...{ name: 'parent', queueName: 'mail', data: { n: 8 } },
    children: [{ name: 'child', queueName: 'mail', data: { n: 9 } }],
  });
  await flows.close();

  const [dry] = await copy(true);
  expect(dry).toMatchObject({ queue: 'mail', stored: 0, present: 0 });
  expect(dry?.staying).toEqual(
    new Map([
      ['completed', 1],
      ['waiting-children', 1],
    ]),
  );
  expect(Object.fromEntries(dry?.lacks ?? [])).toMatchObject({
    ...{ '1 job scheduler(s)': 0, priority: 2, 'parent job': 1, 'job of a scheduler': 1, deduplication: 1 },
    ...{ 'delay of retries': 1, 'retry limit of its own': 1 },
  });
  await expect(to.queues.info({ queueName: 'mail' })).rejects.toThrow('no such queue');

  const [copied] = await copy();
  const { waiting = 0, scheduled = 0, leased = 0 } = copied?.jobs ?? {};
  expect(leased).toBe(1);
  expect(copied).toMatchObject({ stored: waiting + scheduled + leased, present: 0 });
  const { items } = await to.v2.items.export({ queueName: 'mail', limit: 100 });
  const found = items.map((item) => ({ ...item, data: JSON.parse(Buffer.from(item.payload).toString()) }));
  const named = (kind: string) => found.find((item) => item.kind === kind);
  expect(named('fails')).toMatchObject({ attempts: 1, maxAttempts: 4, error: 'no route', state: 'leased' });
  expect(named('first')).toMatchObject({ data: { n: 2, text: 'é😀' }, encoding: 'json' });
  expect(named('first')?.metadata.get('bullmq.id')).toBe('custom-id');
  const later = named('later');
  expect(later?.state).toBe('scheduled');
  const job = await mail.getJob(later?.metadata.get('bullmq.id') ?? '');
  expect(later?.enqueueAt?.seconds).toBe(Math.floor(((job?.timestamp ?? 0) + 3_600_000) / 1_000));
  const order = found.filter(({ state }) => state === 'waiting').map(({ kind }) => kind);
  expect(order.indexOf('high')).toBe(order.indexOf('low') - 1);
  expect(order.indexOf('second')).toBeLessThan(order.indexOf('child'));
  expect(named('done') ?? named('parent')).toBeUndefined();

  const [again] = await copy();
  expect(again).toMatchObject({ stored: 0, present: copied?.stored });
  await running.close();
});
