import type { LogFields, Logger } from '@querator/core';
import { silentLogger } from '@querator/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TestServer } from '../support/test-server.ts';
import type { Collector } from './support/collector.ts';
import { startTraced } from './support/traced-server.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const SERVER_KIND = 2;

const lines: { message: string; fields: LogFields }[] = [];
const add = (message: string, fields: LogFields = {}) => void lines.push({ message, fields });
const logger: Logger = { ...silentLogger, info: add, warn: add, error: add };

describe.each([
  { protocol: 'http/json', type: 'application/json' },
  { protocol: 'http/protobuf', type: 'application/x-protobuf' },
])('a call, sent by $protocol', ({ protocol, type }) => {
  let server: TestServer;
  let collector: Collector;

  beforeAll(async () => {
    const env = {
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20key',
      OTEL_SERVICE_NAME: 'orders',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    };
    const settings = { logging: { 'request-log': true }, audit: { log: true } };
    ({ server, collector } = await startTraced('memory', env, { settings, logger }));
    await server.createQueue('q');
  });
  afterAll(async () => {
    await server.dispose();
    await collector.stop();
  });
  beforeEach(() => {
    lines.length = 0;
  });

  const spanOf = async (name: string) => {
    await expect.poll(() => collector.named(name).length).toBeGreaterThan(0);
    return collector.named(name).at(-1);
  };
  const produce = (items: object[], headers: Record<string, string> = {}, path = '/v1/queue.produce') =>
    server.post(path, { queue_name: 'q', request_timeout: '5s', items }, headers);

  test('is a root span with the attributes of HTTP', async () => {
    const { status } = await produce([{ utf8: 'a' }, { utf8: 'b' }], { 'X-Request-Id': 'order-17' });
    expect(status).toBe(200);
    const span = await spanOf('POST /v1/queue.produce');
    expect(span).toMatchObject({ kind: SERVER_KIND, parentSpanId: '', links: [], status: 0 });
    expect(span?.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/queue.produce',
      'url.path': '/v1/queue.produce',
      'url.scheme': 'http',
      'network.protocol.version': '1.1',
      'network.peer.address': '127.0.0.1',
      'client.address': '127.0.0.1',
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(server.url).port),
      'http.response.status_code': 200,
      'http.request.body.size': expect.any(Number),
      'http.response.body.size': expect.any(Number),
      'querator.request_id': 'order-17',
      'querator.queue': 'q',
      'querator.items': 2,
    });
    expect(span?.resource).toMatchObject({
      'service.name': 'orders',
      'deployment.environment.name': 'test',
      'telemetry.sdk.language': 'nodejs',
    });
    expect(collector.requests[0]).toEqual({ path: '/v1/traces', type, authorization: 'Bearer key' });
  });

  test('is a child of the span that its headers name', async () => {
    await server.post('/v1/queues.list', {}, { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'a=b' });
    expect(await spanOf('POST /v1/queues.list')).toMatchObject({ traceId: TRACE, parentSpanId: SPAN });
  });

  test.each(['x', `00-${'0'.repeat(32)}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01-${'y'.repeat(9_000)}`])(
    'is a root if its headers name no span',
    async (traceparent) => {
      const before = collector.named('POST /v1/queue.stats').length;
      const { status } = await server.post('/v1/queue.stats', { queue_name: 'q' }, { traceparent });
      expect(status).toBe(200);
      await expect.poll(() => collector.named('POST /v1/queue.stats').length).toBe(before + 1);
      expect(await spanOf('POST /v1/queue.stats')).toMatchObject({ parentSpanId: '' });
      expect((await spanOf('POST /v1/queue.stats'))?.traceId).not.toBe(TRACE);
    },
  );

  test('is not recorded if whoever began its trace does not', async () => {
    await server.post('/v2/queues.describe', { queue_name: 'q' }, { traceparent: `00-${TRACE}-${SPAN}-00` });
    await server.post('/v2/queues.describe', { queue_name: 'q' });
    expect(await spanOf('POST /v2/queues.describe')).toMatchObject({ parentSpanId: '' });
    expect(collector.named('POST /v2/queues.describe')).toHaveLength(1);
  });

  test('is named in its log lines', async () => {
    await server.post('/v1/queues.delete', { queue_name: 'none' }, { traceparent: `00-${TRACE}-${SPAN}-01` });
    const span = await spanOf('POST /v1/queues.delete');
    const ids = { trace_id: TRACE, span_id: span?.spanId };
    expect(lines.map(({ message }) => message).toSorted()).toEqual(['audit', 'audit', 'request']);
    for (const { fields } of lines) expect(fields).toMatchObject(ids);
  });

  test('is recorded however early it fails, and is no error unless it is the fault of the server', async () => {
    await server.post('/v1/nothing', {}, { traceparent: `00-${TRACE}-${SPAN}-01` });
    const span = await spanOf('POST');
    expect(span?.attributes).toMatchObject({ 'http.response.status_code': 501, 'url.path': '/v1/nothing' });
    expect(span?.attributes).not.toHaveProperty('http.route');
    await server.post('/v1/queues.update', { queue_name: 'none' });
    const refused = await spanOf('POST /v1/queues.update');
    expect(refused).toMatchObject({ status: 0, attributes: { 'http.response.status_code': 400 } });
    expect(refused?.attributes).not.toHaveProperty('error.type');
  });

  test('has no attributes of the messaging conventions, which are not stable', () => {
    const names = collector.spans.flatMap(({ attributes }) => Object.keys(attributes));
    expect(names.filter((name) => name.startsWith('messaging.'))).toEqual([]);
  });

  test('is an exemplar of its duration for scrapers that take OpenMetrics', async () => {
    await produce([{ utf8: 'a' }], { traceparent: `00-${TRACE}-${SPAN}-01` });
    const scrape = async (accept: string) => {
      const reply = await fetch(`${server.url}/metrics`, { headers: { accept } });
      return { type: reply.headers.get('content-type'), text: await reply.text() };
    };
    const prometheus =
      'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
    const { type, text } = await scrape(prometheus);
    expect(type).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(text.endsWith('\n# EOF\n')).toBe(true);
    expect(text).toMatch(
      /^querator_request_duration_seconds_bucket\{le="[^"]+",path="\/v1\/queue.produce"\} \d+ # \{trace_id="0af7651916cd43dd8448eb211c80319c",span_id="[0-9a-f]{16}"\} [0-9.e-]+ \d+(\.\d+)?$/m,
    );
    expect(text).toMatch(/^# TYPE querator_items counter$/m);
    expect(text).toMatch(/^querator_items_total\{queue="q",event="produced"\} \d+$/m);
    for (const accept of ['*/*', 'text/plain', 'text/plain,application/openmetrics-text;q=0.5']) {
      const plain = await scrape(accept);
      expect(plain.type).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(plain.text).not.toContain('trace_id');
      expect(plain.text).toMatch(/^# TYPE querator_items_total counter$/m);
    }
  });

  test('its spans are counted', async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const [, exported] = /^querator_spans_total\{outcome="exported"\} (\d+)$/m.exec(metrics) ?? [];
    expect(Number(exported)).toBeGreaterThan(0);
    expect(metrics).toContain('querator_spans_total{outcome="failed"} 0');
    expect(metrics).toMatch(/^querator_spans_queued \d+$/m);
  });
});

test('calls on items have the attributes of the messaging conventions once these are asked for', async () => {
  const { server, collector } = await startTraced('memory', { OTEL_SEMCONV_STABILITY_OPT_IN: 'messaging' });
  await server.createQueue('q');
  const timeout = { queue_name: 'q', request_timeout: '5s' };
  const produced = await server.post('/v2/queue.produce', { ...timeout, items: [{ utf8: 'a' }] });
  const lease = { ...timeout, client_id: 'c', batch_size: 10 };
  const leased = await server.post('/v2/queue.lease', lease);
  const { id, partition } = leased.json.items[0] as { id: string; partition: number };
  await server.post('/v2/queue.complete', { ...timeout, partition, ids: [id] });
  await server.stop();
  const shared = {
    'messaging.system': 'querator',
    'messaging.destination.name': 'q',
    'messaging.message.id': produced.json.items[0].id,
    'messaging.batch.message_count': 1,
  };
  const attributes = (path: string) => collector.named(`POST ${path}`)[0]?.attributes;
  expect(attributes('/v2/queue.produce')).toMatchObject({
    ...shared,
    ...{ 'messaging.operation.name': 'produce', 'messaging.operation.type': 'send' },
  });
  expect(attributes('/v2/queue.lease')).toMatchObject({
    ...{ ...shared, 'messaging.client.id': 'c' },
    ...{ 'messaging.operation.name': 'lease', 'messaging.operation.type': 'receive' },
  });
  expect(attributes('/v2/queue.complete')).toMatchObject({
    ...{ ...shared, 'messaging.destination.partition.id': '0' },
    ...{ 'messaging.operation.name': 'complete', 'messaging.operation.type': 'settle' },
  });
  expect(attributes('/v1/queues.create')).not.toHaveProperty(['messaging.system']);
  await server.dispose();
  await collector.stop();
});

describe('with a ratio', () => {
  test('about that many calls are recorded, and all of a trace that is recorded elsewhere', async () => {
    const { server, collector } = await startTraced('memory', {
      ...{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.5' },
    });
    for (let n = 0; n < 100; n++) await server.post('/v1/queues.list', {});
    for (let n = 0; n < 5; n++) {
      await server.post('/v2/server.info', {}, { traceparent: `00-${TRACE}-${SPAN}-01` });
    }
    await server.stop();
    // Outside of this range once in a billion runs.
    const recorded = collector.named('POST /v1/queues.list').length;
    expect(recorded).toBeGreaterThan(19);
    expect(recorded).toBeLessThan(81);
    expect(collector.named('POST /v2/server.info')).toHaveLength(5);
    await server.dispose();
    await collector.stop();
  });
});
