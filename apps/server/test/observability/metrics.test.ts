import { readFile } from 'node:fs/promises';
import { type StorageNotice, silentLogger } from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { createService } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Composition, compose } from '../../src/compose.ts';
import { parseConfig } from '../../src/index.ts';
import { Metrics } from '../../src/observability/metrics.ts';
import { OTHER_QUEUES } from '../../src/observability/queue-labels.ts';

const CONFIG = JSON.stringify({
  address: '127.0.0.1:0',
  'queue-storage': { driver: 'memory' },
  'partition-storage': [{ name: 'mem', driver: 'memory' }],
  // Their series are there only if they are in use.
  quotas: {},
  outbox: [{ 'connection-string': 'postgres://nobody@localhost/nothing' }],
});

/** One series: its name, its labels, its value. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the text format as strictly as Prometheus does. */
function parse(text: string): readonly Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
    const found = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (found === null) throw new Error(`not a sample: ${line}`);
    const [, name = '', labelText = '', value = ''] = found;
    const pairs = [...labelText.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
    samples.push({
      name,
      labels: Object.fromEntries(pairs.map(([, k = '', v = '']) => [k, v])),
      value: Number(value),
    });
  }
  return samples;
}

const value = (samples: readonly Sample[], name: string, labels: Record<string, string> = {}) =>
  samples.find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, wanted]) => sample.labels[key] === wanted),
  )?.value;

describe('GET /metrics', () => {
  let clock: ManualClock;
  let composition: Composition;

  beforeEach(() => {
    clock = new ManualClock();
    const deps = { clock, random: new SeededRandom(), logger: silentLogger };
    composition = compose(parseConfig(CONFIG), deps);
  });
  afterEach(() => composition.stop());

  const call = async (path: string, body: object) => {
    const headers = { 'Content-Type': 'application/json' };
    const reply = composition.app.request(path, { method: 'POST', headers, body: JSON.stringify(body) });
    await clock.advance('0');
    return (await reply).json() as Promise<Record<string, never>>;
  };
  const scrape = async () => {
    const reply = await composition.app.request('/metrics');
    expect(reply.headers.get('content-type')).toContain('text/plain');
    return parse(await reply.text());
  };
  /** The value of the one series with these labels. */
  const create = (queue_name: string, settings = {}) =>
    call('/v1/queues.create', {
      ...{ queue_name, lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1, ...settings },
    });
  const produce = (queue_name: string, items: readonly object[]) =>
    call('/v1/queue.produce', { queue_name, request_timeout: '1m', items });
  const lease = async (queue_name: string, batch_size: number): Promise<readonly { id: string }[]> =>
    (await call('/v1/queue.lease', { queue_name, batch_size, request_timeout: '1m', client_id: 'me' }))[
      'items'
    ] ?? [];

  test('counts items by event', async () => {
    await create('dead');
    await create('q', { dead_queue: 'dead', max_attempts: 2 });
    await produce('q', [{ utf8: 'a' }, { utf8: 'b' }, { utf8: 'c' }, { utf8: 'd' }]);
    const inAnHour = new Date(Number(clock.now() / 1_000n) + 3_600_000).toISOString();
    await produce('q', [{ utf8: 'later', enqueue_at: inAnHour }]);
    const [a, b, c] = await lease('q', 3);
    const where = { queue_name: 'q', partition: 0 };
    await call('/v1/queue.complete', { ...where, request_timeout: '1m', ids: [a?.id] });
    await call('/v1/queue.retry', { ...where, items: [{ id: b?.id }] });
    await call('/v1/queue.retry', { ...where, items: [{ id: c?.id, dead: true }] });
    await lease('q', 1);
    await clock.advance('61s');
    await clock.advance('1h');
    const samples = await scrape();
    const count = (event: string) => value(samples, 'querator_items_total', { queue: 'q', event });
    expect(count('produced')).toBe(5);
    expect(count('leased')).toBe(4);
    expect(count('completed')).toBe(1);
    expect(count('retried')).toBe(1);
    expect(count('expired')).toBe(1);
    expect(count('enqueued')).toBe(1);
    expect(count('dead_lettered')).toBe(1);
    expect(count('deleted')).toBeUndefined();
    expect(value(samples, 'querator_batch_items_sum', { operation: 'produce' })).toBe(5);
    expect(value(samples, 'querator_batch_requests_count', { operation: 'produce' })).toBe(2);
    expect(
      value(samples, 'querator_storage_duration_seconds_count', {
        operation: 'produce',
        storage: 'mem',
        result: 'ok',
      }),
    ).toBe(2);
    expect(value(samples, 'querator_request_duration_seconds_count', { path: '/v1/queue.produce' })).toBe(2);
    expect(value(samples, 'querator_storage_duration_seconds_count', { operation: 'queues_create' })).toBe(2);
  });

  test('counts refused requests for the paths of calls, and for no others', async () => {
    const ask = (path: string, headers: Record<string, string> = {}) =>
      composition.app.request(path, { method: 'POST', headers });
    const path = '/v1/queues.list';
    await ask(path, { Authorization: 'Basic x' });
    await ask(path, { 'Sec-Fetch-Site': 'cross-site' });
    await ask('/v1/nothing');
    const replies = (await scrape()).filter(({ name }) => name === 'querator_http_replies_total');
    expect(replies.map(({ labels, value }) => [labels['path'], labels['code'], value])).toEqual([
      [path, '500', 0],
      [path, '401', 1],
      [path, '403', 1],
    ]);
  });

  test('begins counts of rare faults at 0: Prometheus cannot see the rise to the first value', async () => {
    const isThere = (samples: readonly Sample[], name: string, labels: Record<string, string>) =>
      expect(value(samples, name, labels), JSON.stringify(labels)).toBe(0);
    const begin = await scrape();
    for (const kind of ['redrive', 'delete', 'move', 'resize', 'move_partition', 'drain', 'rebalance'])
      for (const state of ['done', 'cancelled', 'failed'])
        isThere(begin, 'querator_tasks_ended_total', { kind, state });
    for (const event of ['fired', 'missed', 'failed']) isThere(begin, 'querator_schedules_total', { event });
    await create('q');
    isThere(await scrape(), 'querator_http_replies_total', { path: '/v1/queues.create', code: '500' });
  });

  test('writes invisible characters of names as escapes, each name in its own way', async () => {
    for (const name of ['a\u202eb', 'a\\u202eb', 'a\u009b', 'a\u200b']) {
      await create(name);
      await produce(name, [{ utf8: 'x' }]);
    }
    const items = (await scrape()).filter(({ name }) => name === 'querator_items_total');
    // In the text format, a backslash of a label is two.
    expect(items.map(({ labels }) => labels['queue'])).toEqual([
      'a\\\\u202eb',
      'a\\\\\\\\u202eb',
      'a\\\\u009b',
      'a\\\\u200b',
    ]);
  });

  test('counts items that die without a dead-letter queue', async () => {
    await create('q', { max_attempts: 1, expire_timeout: '10m' });
    await produce('q', [{ utf8: 'a' }]);
    await lease('q', 1);
    await clock.advance('62s');
    expect(value(await scrape(), 'querator_items_total', { queue: 'q', event: 'deleted' })).toBe(1);
  });

  test('shows the last counts of a queue, made in the background', async () => {
    await create('q');
    await produce('q', [{ utf8: 'a' }, { utf8: 'b' }, { utf8: 'c' }]);
    await lease('q', 1);
    const first = await scrape();
    expect(value(first, 'querator_queue_items', { queue: 'q', state: 'waiting' })).toBeUndefined();
    expect(value(first, 'querator_queue_count_age_seconds')).toBe(-1);
    await clock.advance('10s');
    const second = await scrape();
    expect(value(second, 'querator_queue_items', { queue: 'q', state: 'waiting' })).toBe(2);
    expect(value(second, 'querator_queue_items', { queue: 'q', state: 'leased' })).toBe(1);
    expect(value(second, 'querator_queue_items', { queue: 'q', state: 'scheduled' })).toBe(0);
    expect(value(second, 'querator_queue_uncounted_partitions', { queue: 'q' })).toBe(0);
    await clock.advance('16s');
    expect(value(await scrape(), 'querator_queue_head_age_seconds', { queue: 'q' })).toBeGreaterThan(9);
    expect(value(await scrape(), 'querator_queue_count_age_seconds')).toBeLessThanOrEqual(16);
  });

  test('shows the age of the counts of a queue', async () => {
    await create('q');
    await produce('q', [{ utf8: 'a' }]);
    await scrape();
    await clock.advance('1s');
    const age = async () => value(await scrape(), 'querator_queue_items_age_seconds', { queue: 'q' });
    const first = await age();
    expect(first).toBeLessThanOrEqual(1);
    await clock.advance('5s');
    expect(await age()).toBeCloseTo((first ?? 0) + 5, 6);
  });

  test('stops counting if no scrape arrives', async () => {
    await create('q');
    await produce('q', [{ utf8: 'a' }]);
    const counts = async () =>
      value(await scrape(), 'querator_storage_duration_seconds_count', { operation: 'stats' }) ?? 0;
    await counts();
    await clock.advance('20m');
    const soon = await counts();
    expect(soon).toBeGreaterThan(10);
    expect(soon).toBeLessThan(30);
    await clock.advance('4h');
    expect((await counts()) - soon).toBeLessThan(30);
  });

  test('has no series of a deleted queue', async () => {
    await create('gone');
    await produce('gone', [{ utf8: 'a' }]);
    await scrape();
    await clock.advance('1s');
    expect((await scrape()).some(({ labels }) => labels['queue'] === 'gone')).toBe(true);
    await call('/v1/queues.delete', { queue_name: 'gone' });
    expect((await scrape()).filter(({ labels }) => labels['queue'] === 'gone')).toEqual([]);
  });

  test('follows the naming rules, and has no series twice', async () => {
    await create('q"uo\\te');
    await produce('q"uo\\te', [{ utf8: 'a' }]);
    const samples = await scrape();
    const series = samples.map(({ name, labels }) => `${name}${JSON.stringify(labels)}`);
    expect(new Set(series).size).toBe(series.length);
    for (const { name } of samples) expect(name).toMatch(/^(querator_|http_handler_duration)/);
  });

  test('has no series for unknown paths', async () => {
    await composition.app.request('/v1/made-up', { method: 'POST' });
    expect(JSON.stringify(await scrape())).not.toContain('made-up');
  });
});

test("shows holders of dead rows by storage and kind; no label has a holder's name", async () => {
  const clock = new ManualClock();
  const backend = (name: string) => memoryBackend({ name, clock, random: new SeededRandom() });
  const text = 'session 77 (nightly dump)';
  const held: StorageNotice = {
    ...{ kind: 'held-horizon', text, holder: 'session', seconds: 90, transactions: 1_200 },
  };
  const hidden: StorageNotice = { ...held, text: 'session 78', seconds: 0, transactions: 150_000 };
  let notices: readonly StorageNotice[] = [hidden, held];
  const holding = { ...backend('holding'), ping: async () => notices };
  const gone = new FaultyStorage(backend('gone'));
  gone.setReachable(false);
  const metrics = new Metrics({
    clock,
    monotonicClock: () => 0,
    random: new SeededRandom(),
    pools: () => [],
  });
  metrics.observe(
    createService({
      ...{ clock, random: new SeededRandom(), logger: silentLogger },
      queueStore: backend('queues').queueStore(),
      storages: [],
    }),
    [holding, gone],
  );
  const scrape = async () => {
    const { text } = await metrics.exposition();
    expect(text).not.toContain('nightly dump');
    return parse(text).filter(({ name }) => name.startsWith('querator_storage_held_horizon'));
  };
  expect(await scrape()).toEqual([]);
  await clock.advance('1s');
  const samples = await scrape();
  const seconds = 'querator_storage_held_horizon_seconds';
  expect(value(samples, seconds, { storage: 'holding', holder: 'session' })).toBe(90);
  const transactions = 'querator_storage_held_horizon_transactions';
  expect(value(samples, transactions, { storage: 'holding', holder: 'session' })).toBe(150_000);
  for (const holder of ['prepared-transaction', 'replication-slot', 'standby']) {
    expect(value(samples, seconds, { storage: 'holding', holder })).toBe(0);
  }
  expect(samples.filter(({ labels }) => labels['storage'] === 'gone')).toEqual([]);
  notices = [];
  gone.setReachable(true);
  await clock.advance('16s');
  expect((await scrape()).map((sample) => sample.value)).toEqual(Array.from({ length: 16 }, () => 0));
  metrics.stop();
});

test('has series of their own for a limited number of queues; the others share one', () => {
  const metrics = new Metrics({
    clock: new ManualClock(),
    monotonicClock: () => 0,
    random: new SeededRandom(),
    pools: () => [],
    queuesWithSeries: 2,
  });
  for (const queue of ['a', 'b', 'c', 'd', 'a']) metrics.observer.items(queue, 'produced', 1);
  return metrics.exposition().then(({ text }) => {
    const counted = parse(text)
      .filter(({ name }) => name === 'querator_items_total')
      .map(({ labels, value }) => [labels['queue'], value]);
    // No queue is active here, so the scrape has removed the queues with their own series.
    expect(counted).toEqual([[OTHER_QUEUES, 2]]);
  });
});

test('shows process metrics if the server is the only one in the process', async () => {
  const metrics = new Metrics({
    clock: new ManualClock(),
    monotonicClock: () => 0,
    random: new SeededRandom(),
    pools: () => [],
    ofProcess: true,
  });
  const { text } = await metrics.exposition();
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  expect(text).toMatch(/^process_cpu_seconds_total \d/m);
});

test('shows the connections of pools, and requests that got none', async () => {
  const pool = { target: 'db:5432/q', maxConns: 9, open: 3, idle: 1, waiting: 2, timedOut: 4 };
  const metrics = new Metrics({
    clock: new ManualClock(),
    monotonicClock: () => 0,
    random: new SeededRandom(),
    pools: () => [pool, pool],
  });
  const { text } = await metrics.exposition();
  expect(text).toContain('querator_postgres_pool{target="db:5432/q",state="open"} 6');
  expect(text).toContain('querator_postgres_pool_timeouts_total{target="db:5432/q"} 8');
});

test('are in the older format while no spans are recorded, whatever the scraper takes', async () => {
  const deps = { clock: new ManualClock(), random: new SeededRandom(), logger: silentLogger };
  const composition = compose(parseConfig(CONFIG), deps);
  const headers = { accept: 'application/openmetrics-text' };
  const reply = await composition.app.request('/metrics', { headers });
  expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  await composition.stop();
});

test('has exactly the series that docs/monitoring.md lists', async () => {
  const page = await readFile(new URL('../../../../docs/monitoring.md', import.meta.url), 'utf8');
  const table = page.slice(page.indexOf('## Series'), page.indexOf('Beside them'));
  const documented = [...table.matchAll(/^\| `([a-z_]+)` \| (\w+) \| (.*?) \|/gm)].map(
    ([, name, type, labels = '']) => `${name} ${type} ${labels.replaceAll('`', '')}`,
  );
  const tracing = {
    calls: { begin: () => undefined },
    statements: () => ({ statement: () => () => {} }),
    counts: () => ({ exported: 0, overflowed: 0, failed: 0, queued: 0 }),
    stop: async () => {},
  };
  const deps = { clock: new ManualClock(), random: new SeededRandom(), logger: silentLogger, tracing };
  const composition = compose(parseConfig(CONFIG), deps);
  const text = await (await composition.app.request('/metrics')).text();
  await composition.stop();
  const there = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  expect(documented.map((line) => line.split(' ').slice(0, 2).join(' ')).sort()).toEqual(there.sort());
  const used = [...page.matchAll(/\b(querator_[a-z_]+|http_handler_duration)\b/g)].map(([, name = '']) =>
    name.replace(/_(bucket|count|sum)$/, ''),
  );
  const names = new Set(there.map((line) => line.split(' ')[0]));
  for (const name of used) expect(names).toContain(name);
});
