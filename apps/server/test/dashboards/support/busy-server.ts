import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { freePort } from '@querator/tooling-processes';
import { expect, vi } from 'vitest';
import { TestServer } from '../../support/test-server.ts';
import type { Collector } from '../../tracing/support/collector.ts';
import { tracingTo } from '../../tracing/support/traced-server.ts';

/** The labels of each series, as sets of values. */
export type Series = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;

const PATIENCE = { timeout: 30_000, interval: 100 };
const BASE = { queue_name: 'mail', request_timeout: '2s' };

/** Starts a server with every feature that has metrics, and uses them. */
export async function startBusyServer(
  collector: Collector,
): Promise<{ server: TestServer; database: TestDatabase }> {
  const database = await createTestDatabase();
  const nowhere = `postgres://u@127.0.0.1:${await freePort()}/d?connect_timeout=1`;
  const postgres = (connection: string) => ({
    driver: 'postgres',
    config: { 'connection-string': connection },
  });
  const settings = {
    quotas: {},
    outbox: [{ 'connection-string': nowhere }],
    'queue-storage': postgres(database.connectionString),
    'partition-storage': [
      { name: 'pg', ...postgres(database.connectionString) },
      { name: 'old', affinity: 0, drain: true, driver: 'memory' },
      { name: 'down', affinity: 0, ...postgres(nowhere) },
    ],
  };
  const server = new TestServer(settings, undefined, {
    tracing: await tracingTo(collector),
    ofProcess: true,
  });
  await server.start('memory');
  await useItems(server);
  await handOver(server);
  await useOperators(server);
  return { server, database };
}

async function ok(server: TestServer, path: string, body: object) {
  const reply = await server.post(path, body);
  expect(reply.status, `${path}: ${reply.text}`).toBe(200);
  return reply.json;
}

async function useItems(server: TestServer): Promise<void> {
  await server.createQueue('mail-dead');
  await server.createQueue('mail', { dead_queue: 'mail-dead', max_attempts: 2 });
  await server.createQueue('plain', { max_attempts: 1, lease_timeout: '1s' });
  const lease = (queue_name: string, batch_size: number, more: object = {}) =>
    ok(server, '/v2/queue.lease', { ...BASE, queue_name, client_id: 'c', batch_size, ...more });
  await ok(server, '/v1/queue.produce', { ...BASE, items: Array.from({ length: 6 }, () => ({ utf8: 'x' })) });
  const { items } = await lease('mail', 4);
  const [done, again, dead, held] = items.map(({ id }: { id: string }) => id);
  const where = { queue_name: 'mail', partition: 0 };
  await ok(server, '/v1/queue.complete', { ...where, request_timeout: '2s', ids: [done] });
  await ok(server, '/v1/queue.retry', { ...where, items: [{ id: again }] });
  await ok(server, '/v1/queue.retry', { ...where, items: [{ id: dead, dead: true }] });
  await ok(server, '/v2/queue.extend', { ...where, request_timeout: '2s', ids: [held], lease_timeout: '1m' });
  await ok(server, '/v1/queue.produce', { ...BASE, queue_name: 'plain', items: [{ utf8: 'x' }] });
  // It dies when its lease ends: without a dead-letter queue it is deleted.
  await lease('plain', 1);
  await ok(server, '/v2/queue.lease', { ...BASE, client_id: 'c', batch_size: 1, lease_timeout: '1s' });
  // A lease without items is told to try again.
  const empty = { ...BASE, queue_name: 'plain', client_id: 'd', batch_size: 1, request_timeout: '10ms' };
  expect((await server.post('/v1/queue.lease', empty)).status).toBe(454);
}

/** Produces an item for a consumer that waits. */
async function handOver(server: TestServer): Promise<void> {
  const queue_name = 'handed-over';
  await server.createQueue(queue_name);
  const lease = { ...BASE, queue_name, client_id: 'c', batch_size: 1, request_timeout: '20s' };
  const leased = ok(server, '/v2/queue.lease', lease);
  await vi.waitFor(async () => {
    const { logicalQueues } = await ok(server, '/v1/queue.stats', { queue_name });
    expect(logicalQueues).toMatchObject([{ lease_waiting: 1 }]);
  }, PATIENCE);
  await ok(server, '/v1/queue.produce', { ...BASE, queue_name, items: [{ utf8: 'x' }] });
  await leased;
}

async function useOperators(server: TestServer): Promise<void> {
  await ok(server, '/v2/quotas.set', { namespace: '_system', limits: { items_waiting: 10_000 } });
  await ok(server, '/v2/tasks.create', { kind: 'delete', queue_name: 'plain' });
  await vi.waitFor(async () => {
    expect((await ok(server, '/v2/items.find', { queue_name: 'mail-dead' })).items).toHaveLength(1);
  }, PATIENCE);
  await ok(server, '/v2/tasks.create', { kind: 'redrive', queue_name: 'mail-dead' });
}

/** Reads the series of a server, until they have all these values, given as `series label value`. */
export async function scrape(server: TestServer, awaited: readonly string[]): Promise<Series> {
  return vi.waitFor(async () => {
    const series = seriesOf(await (await fetch(`${server.url}/metrics`)).text());
    const missing = awaited.filter((each) => {
      const [name = '', label = '', value = ''] = each.split(' ');
      return series.get(name)?.get(label)?.has(value) !== true;
    });
    expect(missing).toEqual([]);
    return series;
  }, PATIENCE);
}

function seriesOf(text: string): Series {
  const series = new Map<string, Map<string, Set<string>>>();
  const add = (name: string) => {
    const labels = series.get(name) ?? new Map<string, Set<string>>();
    series.set(name, labels);
    return labels;
  };
  for (const line of text.split('\n')) {
    const [, type] = /^# TYPE (\w+) \w+$/.exec(line) ?? [];
    if (type !== undefined) add(type);
    const [, name, labelText = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const labels = add(name);
    for (const [, label = '', value = ''] of labelText.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels.set(label, (labels.get(label) ?? new Set()).add(value));
    }
  }
  return series;
}
