import { context, propagation, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { createClient, producer, worker } from '@querator/client';
import { openTelemetry } from '@querator/client/opentelemetry';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pairsOf, readTraceContext } from '../../src/tracing/trace-context.ts';
import type { TestServer } from '../support/test-server.ts';
import type { Collector } from './support/collector.ts';
import { startTraced } from './support/traced-server.ts';

const SENT = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const UNSAMPLED = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
const OTHER = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;

let server: TestServer;
let collector: Collector;
beforeAll(async () => {
  ({ server, collector } = await startTraced('memory'));
});
afterAll(async () => {
  await server.dispose();
  await collector.stop();
});

interface Given {
  readonly metadata?: Record<string, string>;
}

let queues = 0;
async function metadataAfter(path: string, items: Given[], headers: Record<string, string> = {}) {
  const queue_name = `q${++queues}`;
  await server.createQueue(queue_name);
  const call = { queue_name, request_timeout: '5s', items: items.map((item) => ({ utf8: 'x', ...item })) };
  const { status } = await server.post(path, call, headers);
  expect(status).toBe(200);
  const lease = { queue_name, request_timeout: '5s', client_id: 'c', batch_size: 10 };
  const leased = await server.post('/v2/queue.lease', lease);
  return leased.json.items.map(({ metadata }: Given) => metadata);
}

describe('an item', () => {
  test('of /v1/ has the trace context of its request, and nothing without one that is recorded', async () => {
    const headers = { traceparent: SENT, tracestate: 'a=b' };
    expect(await metadataAfter('/v1/queue.produce', [{}, {}], headers)).toEqual([headers, headers]);
    for (const traceparent of [UNSAMPLED, 'nonsense']) {
      expect(await metadataAfter('/v1/queue.produce', [{}], { traceparent })).toEqual([undefined]);
    }
    expect(await metadataAfter('/v1/queue.produce', [{}])).toEqual([undefined]);
  });

  test('of /v2/ keeps its own trace context, or has that of its produce', async () => {
    const own = { metadata: { traceparent: OTHER, a: 'b' } };
    const kept = await metadataAfter('/v2/queue.produce', [own, { metadata: { c: 'd' } }], {
      traceparent: SENT,
    });
    await expect.poll(() => collector.named('POST /v2/queue.produce')).toHaveLength(1);
    const span = collector.named('POST /v2/queue.produce')[0];
    expect(span).toMatchObject({ traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16) });
    expect(kept).toEqual([own.metadata, { c: 'd', traceparent: `00-${span?.traceId}-${span?.spanId}-01` }]);
    // What the client chose not to record stays out.
    const unsampled = await metadataAfter('/v2/queue.produce', [{}], { traceparent: UNSAMPLED });
    expect(unsampled).toEqual([undefined]);
  });

  test('whose metadata leaves no room for a trace context is stored without one', async () => {
    const metadata = { a: 'x'.repeat(4_090) };
    expect(await metadataAfter('/v2/queue.produce', [{ metadata }])).toEqual([metadata]);
  });

  test('with a dedup key has one too', async () => {
    const produced = await metadataAfter('/v2/queue.produce', [{ dedup_key: 'k' } as Given]);
    expect(produced).toEqual([{ traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/) }]);
  });

  test('is linked by the span of the lease that gets it', async () => {
    await metadataAfter('/v2/queue.produce', [
      ...Array.from({ length: 8 }, () => ({ metadata: { traceparent: SENT } })),
      { metadata: { traceparent: 'no context' } },
    ]);
    const linked = () =>
      collector.named('POST /v2/queue.lease').filter(({ links }) => links.length === 8)[0]?.links;
    const link = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    await expect.poll(linked).toEqual(Array.from({ length: 8 }, () => link));
  });
});

test('with OTEL_PROPAGATORS=none no trace goes on, to the server or to items', async () => {
  const alone = await startTraced('memory', { OTEL_PROPAGATORS: 'none' });
  try {
    await alone.server.createQueue('q');
    const produce = { queue_name: 'q', request_timeout: '5s' };
    const own = { utf8: 'x', metadata: { traceparent: OTHER } };
    const headers = { traceparent: SENT };
    await alone.server.post('/v1/queue.produce', { ...produce, items: [{ utf8: 'x' }] }, headers);
    await alone.server.post('/v2/queue.produce', { ...produce, items: [{ utf8: 'x' }, own] }, headers);
    const leased = await alone.server.post('/v2/queue.lease', { ...produce, client_id: 'c', batch_size: 3 });
    expect(leased.json.items.map(({ metadata }: Given) => metadata)).toEqual([
      undefined,
      undefined,
      own.metadata,
    ]);
    const spans = () => alone.collector.named('POST /v2/queue.produce');
    await expect.poll(spans).toHaveLength(1);
    expect(spans()[0]?.traceId).not.toBe('a'.repeat(32));
    await expect.poll(() => alone.collector.named('POST /v2/queue.lease')).toHaveLength(1);
    expect(alone.collector.named('POST /v2/queue.lease')[0]?.links).toEqual([]);
  } finally {
    await alone.server.dispose();
    await alone.collector.stop();
  }
});

describe('a producer and a worker', () => {
  beforeAll(() => {
    propagation.setGlobalPropagator({
      inject: (active, carrier, setter) => {
        const found = trace.getSpanContext(active);
        for (const [key, value] of found === undefined ? [] : pairsOf(found)) setter.set(carrier, key, value);
      },
      extract: (active, carrier, getter) => {
        const text = (key: string) => [getter.get(carrier, key)].flat()[0];
        const found = readTraceContext(text('traceparent'), text('tracestate'));
        return found === undefined ? active : trace.setSpanContext(active, found);
      },
      fields: () => ['traceparent', 'tracestate'],
    });
  });
  afterAll(() => {
    context.disable();
    propagation.disable();
  });

  test.each(['/v2/', '/v1/'])(
    'are in one trace with the server by %s, and a retry is linked',
    async (version) => {
      const exporter = new InMemorySpanExporter();
      const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
      const telemetry = openTelemetry({ tracer: provider.getTracer('test') });
      const client = createClient({ endpoint: server.url });
      // A client that finds no capability sends by the first version.
      const old = {
        ...client,
        discover: async () => ({ ...(await client.discover()), capabilities: new Set<string>() }),
      };
      const queue = `work${version.replaceAll('/', '-')}`;
      await server.createQueue(queue);
      await using sending = producer(version === '/v1/' ? old : client, { queue, telemetry });
      await sending.send(Buffer.from('x'));
      const done = Promise.withResolvers<void>();
      await using working = worker(client, {
        ...{ queue, telemetry, stopSignals: [], retryDelay: () => 0, hooks: { failed: () => {} } },
        handler: ({ attempts }) => {
          if (attempts === 1) throw new Error('not yet');
          done.resolve();
        },
      });
      await Promise.race([done.promise, working.done]);
      await working.stop();
      const spans = exporter.getFinishedSpans();
      const send = spans.find(({ name }) => name === `send ${queue}`)?.spanContext();
      const [first, second] = spans.filter(({ name }) => name === `process ${queue}`);
      expect(first?.parentSpanContext).toMatchObject({ traceId: send?.traceId, spanId: send?.spanId });
      expect(first?.links).toEqual([]);
      expect(second?.parentSpanContext).toBeUndefined();
      expect(second?.spanContext().traceId).not.toBe(send?.traceId);
      expect(second?.links).toMatchObject([{ context: { traceId: send?.traceId, spanId: send?.spanId } }]);
      const produced = () =>
        collector.named(`POST ${version}queue.produce`).find(({ traceId }) => traceId === send?.traceId);
      await expect.poll(() => produced()?.parentSpanId).toBe(send?.spanId);
    },
  );
});
