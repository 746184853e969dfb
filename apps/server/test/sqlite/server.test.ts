import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';

const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** A server whose queues and items are in one file. The end of the test stops it. */
async function serve(path: string): Promise<RunningServer> {
  const storage = { name: 'disk', driver: 'sqlite', config: { path } };
  const config = parseConfig(JSON.stringify({ address: '127.0.0.1:0', 'partition-storage': [storage] }));
  const server = await startServer(config, deps);
  onTestFinished(() => server.stop());
  return server;
}

async function call(server: RunningServer, path: string, body: object): Promise<Record<string, unknown>> {
  const reply = await fetch(`${server.url}/v1/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const json = (await reply.json()) as Record<string, unknown>;
  expect(reply.status, JSON.stringify(json)).toBe(200);
  return json;
}

test('a server on a file keeps queues, items and leases through a restart', async () => {
  const path = await newFolder();
  const before = await serve(path);
  const timeouts = { leaseTimeout: '1m', expireTimeout: '1h' };
  const queue = { queueName: 'mail' };
  await call(before, 'queues.create', { ...queue, requestedPartitions: 2, ...timeouts });
  const items = ['a', 'b', 'c'].map((kind) => ({ utf8: 'hello', kind }));
  await call(before, 'queue.produce', { ...queue, requestTimeout: '5s', items });
  const lease = { ...queue, batchSize: 1, clientId: 'c', requestTimeout: '5s' };
  const leased = (await call(before, 'queue.lease', lease)) as {
    partition: number;
    items: { id: string; kind: string }[];
  };
  await before.stop();

  const after = await serve(path);
  const { items: next } = await call(after, 'queue.lease', { ...lease, batchSize: 10 });
  const kinds = [...leased.items, ...(next as { kind: string }[])].map(({ kind }) => kind);
  expect(kinds).toEqual(['a', 'b', 'c']);
  const ids = leased.items.map(({ id }) => id);
  const complete = { ...queue, partition: leased.partition, ids, requestTimeout: '5s' };
  await call(after, 'queue.complete', complete);
});

test('a second server on the file is not healthy, and serves once the first one stops', async () => {
  const path = await newFolder();
  const first = await serve(path);
  const queue = { queueName: 'mail', requestedPartitions: 1, leaseTimeout: '1m', expireTimeout: '1h' };
  await call(first, 'queues.create', queue);
  const second = await serve(path);
  const refused = await fetch(`${second.url}/health`);
  expect(refused.status).toBe(503);
  expect(JSON.stringify(await refused.json())).toContain('fail');
  await first.stop();
  const listed = await call(second, 'queues.list', {});
  expect(listed['items']).toMatchObject([{ queue_name: 'mail' }]);
});
