import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { startTemporaryCluster } from '@querator/tooling-postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../src/index.ts';
import { configFor, type RawReply, readReply } from '../support/test-server.ts';

let cluster: Awaited<ReturnType<typeof startTemporaryCluster>>;
let server: RunningServer;

beforeEach(async () => {
  cluster = await startTemporaryCluster({ volatile: true });
  server = await start();
}, 60_000);

afterEach(async () => {
  await server.stop();
  await cluster.stop();
}, 60_000);

function start(): Promise<RunningServer> {
  const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  return startServer(configFor(cluster.connectionString('postgres')), deps);
}

async function post(path: string, body: object): Promise<RawReply> {
  const headers = { 'Content-Type': 'application/json' };
  return readReply(await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) }));
}

const createQueue = () =>
  post('/v1/queues.create', {
    queue_name: 'q',
    lease_timeout: '1m',
    expire_timeout: '24h',
    requested_partitions: 1,
  });

const produce = (payload: string, request_timeout = '20s') =>
  post('/v1/queue.produce', { queue_name: 'q', request_timeout, items: [{ utf8: payload }] });

async function stored(): Promise<string[]> {
  const { json } = await post('/v1/storage/items.list', { queue_name: 'q' });
  return (json.items ?? []).map((item: { payload: string }) =>
    Buffer.from(item.payload, 'base64').toString(),
  );
}

/** Sends requests until the storage works again. */
async function untilBack(): Promise<void> {
  while ((await fetch(`${server.url}/health`)).status !== 200);
}

test('while the database is down nothing is acknowledged; once it is back the server serves without help', async () => {
  await createQueue();
  expect((await produce('before')).status).toBe(200);

  await cluster.crash();
  const refused = await produce('during', '300ms');
  expect(refused.status).toBe(454);
  expect(refused.json.message).toMatch(/items were not produced|outcome unknown/);
  const lease = await post('/v1/queue.lease', {
    queue_name: 'q',
    request_timeout: '300ms',
    client_id: 'a',
    batch_size: 1,
  });
  expect(lease.status).toBe(454);
  expect((await fetch(`${server.url}/health`)).status).toBe(503);
  const patient = produce('patient', '1m');

  await cluster.start();
  await untilBack();
  expect((await patient).status).toBe(200);
  expect((await produce('after')).status).toBe(200);
  expect(await stored()).toEqual(['before', 'patient', 'after']);
}, 90_000);

test('every acknowledged item survives a crash of the database under load', async () => {
  await createQueue();
  const acknowledged = new Set<string>();
  const unknown = new Set<string>();
  let running = true;
  const producer = async (name: string) => {
    for (let n = 0; running; n++) {
      const { status, json } = await produce(`${name}-${n}`, '15s');
      if (status === 200) acknowledged.add(`${name}-${n}`);
      else if (json.message.includes('outcome unknown')) unknown.add(`${name}-${n}`);
    }
  };
  const producers = ['a', 'b', 'c', 'd'].map(producer);
  const atLeast = async (count: number) => {
    while (acknowledged.size < count) await new Promise((resolve) => setImmediate(resolve));
  };
  for (let crash = 0; crash < 2; crash++) {
    await atLeast(acknowledged.size + 100);
    await cluster.crash();
    await cluster.start();
    await untilBack();
  }
  await atLeast(acknowledged.size + 100);
  running = false;
  await Promise.all(producers);

  const items: string[] = [];
  for (let pivot = ''; ; ) {
    const { json } = await post('/v1/storage/items.list', { queue_name: 'q', pivot });
    const page = (json.items ?? []) as { id: string; payload: string }[];
    const fresh = page.filter(({ id }) => id !== pivot);
    if (fresh.length === 0) break;
    items.push(...fresh.map(({ payload }) => Buffer.from(payload, 'base64').toString()));
    pivot = fresh.at(-1)?.id ?? '';
  }
  expect(new Set(items).size).toBe(items.length);
  for (const each of acknowledged) expect(items).toContain(each);
  for (const each of items) expect(acknowledged.has(each) || unknown.has(each)).toBe(true);
}, 120_000);

test('a server that starts while the database is down answers, and serves once it is back', async () => {
  await createQueue();
  await produce('kept');
  await server.stop();
  await cluster.crash();
  server = await start();
  expect((await fetch(`${server.url}/health`)).status).toBe(503);
  expect((await produce('lost', '300ms')).status).toBeGreaterThanOrEqual(454);
  await cluster.start();
  await untilBack();
  expect(await stored()).toEqual(['kept']);
  expect((await produce('new')).status).toBe(200);
}, 90_000);
