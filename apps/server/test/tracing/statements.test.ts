import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Composition,
  compose,
  createTracing,
  readTraceSettings,
  type Tracing,
} from '../../src/index.ts';
import { configFor, STORAGES } from '../support/test-server.ts';
import { Collector } from './support/collector.ts';

const MOST_LINKS = 32;

describe.each(STORAGES)('the statements of %s', (storage) => {
  let database: TestDatabase | undefined;
  let collector: Collector;
  let tracing: Tracing;
  let composition: Composition;

  beforeAll(async () => {
    if (storage === 'postgres') database = await createTestDatabase();
    collector = await Collector.start();
    const env = {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_BSP_SCHEDULE_DELAY: '20',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    };
    const settings = readTraceSettings(env);
    if (settings === undefined) throw new Error('tracing is off');
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    tracing = await createTracing(settings, deps);
    composition = compose(configFor(database?.connectionString), { ...deps, tracing });
    const queue = { queue_name: 'q', lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };
    await post('/v1/queues.create', queue);
    // Calls on an active queue share statements.
    await post('/v1/queue.produce', { ...BASE, items: [{ utf8: 'first' }] });
  });
  afterAll(async () => {
    await composition.stop();
    await tracing.stop();
    await collector.stop();
    await database?.drop();
  });

  const BASE = { queue_name: 'q', request_timeout: '5s' };
  const post = async (path: string, body: object, traceparent?: string) => {
    const headers = { 'Content-Type': 'application/json', ...(traceparent && { traceparent }) };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    const reply = await composition.app.fetch(new Request(`http://localhost${path}`, init), {});
    expect(reply.status).toBe(200);
    return (await reply.json()) as { readonly items?: { readonly id: string }[] };
  };
  test('link the requests that they carry, up to a bound, and count the others', async () => {
    const calls = Array.from({ length: 40 }, (_, n) =>
      post('/v2/queue.produce', { ...BASE, items: [{ utf8: `${n}` }, { utf8: `${n}` }] }),
    );
    await Promise.all(calls);
    await post('/v1/queue.lease', { ...BASE, client_id: 'c', batch_size: 1 });
    await expect.poll(() => collector.named('lease store-0').length).toBe(1);
    const requests = collector.named('POST /v2/queue.produce');
    const spanIds = new Set(requests.map(({ spanId }) => spanId));
    const statements = collector
      .named('produce store-0')
      .filter(({ parentSpanId }) => spanIds.has(parentSpanId));
    const carried = statements.map(({ attributes }) => Number(attributes['querator.requests']));
    expect(carried.reduce((sum, each) => sum + each, 0)).toBe(40);
    expect(Math.max(...carried)).toBeGreaterThan(1);
    for (const { attributes, links, parentSpanId } of statements) {
      const count = Number(attributes['querator.requests']);
      expect(links).toHaveLength(count === 1 ? 0 : Math.min(count, MOST_LINKS));
      expect(attributes['querator.links.left_out'] ?? 0).toBe(Math.max(count - MOST_LINKS, 0));
      for (const { spanId } of links) expect(spanIds).toContain(spanId);
      if (count > 1) expect(links.map(({ spanId }) => spanId)).toContain(parentSpanId);
      expect(attributes).toMatchObject({
        'db.system.name': storage === 'postgres' ? 'postgresql' : 'memory',
        'db.operation.name': 'produce',
        'db.operation.batch.size': 2 * count,
        ...{ 'querator.storage': 'store-0', 'querator.queue': 'q', 'querator.partition': 0 },
      });
    }
  });

  test('of requests that nobody records are not recorded either', async () => {
    const unsampled = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
    const recorded = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;
    const produce = { ...BASE, items: [{ utf8: 'x' }] };
    const [, one] = await Promise.all([
      post('/v2/queue.produce', produce, unsampled),
      post('/v2/queue.produce', produce, recorded),
      post('/v2/queue.produce', produce, unsampled),
    ]);
    expect(one).toBeDefined();
    const { items: [leased] = [] } = await post(
      '/v2/queue.lease',
      { ...BASE, client_id: 'c', batch_size: 1 },
      recorded,
    );
    const ids = [leased?.id];
    await post('/v2/queue.complete', { ...BASE, ids }, recorded);
    await expect.poll(() => collector.named('complete store-0').length).toBe(1);
    const traced = collector.spans.filter(({ traceId }) => traceId === 'c'.repeat(32));
    expect(traced.map(({ name }) => name).toSorted()).toEqual([
      ...['POST /v2/queue.complete', 'POST /v2/queue.lease', 'POST /v2/queue.produce'],
      ...['complete store-0', 'lease store-0', 'produce store-0'],
    ]);
    expect(collector.spans.some(({ traceId }) => traceId === 'a'.repeat(32))).toBe(false);
    const produced = traced.find(({ name }) => name === 'produce store-0');
    // Only what is recorded can be linked.
    expect(produced?.links.length).toBe(produced?.attributes['querator.requests'] === 1 ? 0 : 1);
  });
});
