import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Context,
  context,
  type Meter,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { ManualClock } from '@querator/core/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { HandledWork } from '../src/index.ts';
import { type OpenTelemetryOptions, openTelemetry } from '../src/opentelemetry.ts';

interface Recorded {
  readonly name: string;
  readonly kind: SpanKind | undefined;
  readonly parent: string | undefined;
  readonly spanId: string;
  readonly links?: readonly (string | undefined)[];
  readonly attributes: Attributes;
  status?: { code: SpanStatusCode; message?: string | undefined };
  exception?: unknown;
  ended: boolean;
}

const spans: Recorded[] = [];
const measured: { name: string; value: number; attributes: Attributes }[] = [];

/** A tracer that records its spans. */
const tracer = {
  startSpan(name, { kind, attributes = {}, links = [], root } = {}, given = context.active()) {
    const parent = root === true ? ROOT_CONTEXT : given;
    const spanId = `${spans.length + 1}`.padStart(16, '0');
    const traceId = trace.getSpanContext(parent)?.traceId ?? `${spans.length + 1}`.padStart(32, '0');
    const recorded: Recorded = {
      ...{ name, kind, spanId, ended: false, attributes: { ...attributes } },
      parent: trace.getSpanContext(parent)?.spanId,
      ...(links.length > 0 && { links: links.map((link) => link.context.spanId) }),
    };
    spans.push(recorded);
    const spanContext: SpanContext = { traceId, spanId, traceFlags: 1 };
    const span: Partial<Span> = {
      spanContext: () => spanContext,
      setAttribute: (key, value) => {
        recorded.attributes[key] = value;
        return span as Span;
      },
      setStatus: (status) => {
        recorded.status = status;
        return span as Span;
      },
      recordException: (exception) => {
        recorded.exception = exception;
      },
      end: () => {
        recorded.ended = true;
      },
    };
    return span as Span;
  },
} as Tracer;

const meter = {
  createCounter: (name: string) => ({
    add: (value: number, attributes: Attributes) => measured.push({ name, value, attributes }),
  }),
  createHistogram: (name: string) => ({
    record: (value: number, attributes: Attributes) => measured.push({ name, value, attributes }),
  }),
} as unknown as Meter;

beforeAll(() => {
  const storage = new AsyncLocalStorage<Context>();
  context.setGlobalContextManager({
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, fn, self, ...args) => storage.run(active, () => fn.apply(self as never, args)),
    bind: (_, target) => target,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  });
  propagation.setGlobalPropagator({
    inject: (active, carrier, setter) => {
      const found = trace.getSpanContext(active);
      if (found) setter.set(carrier, 'traceparent', `00-${found.traceId}-${found.spanId}-01`);
    },
    extract: (active, carrier, getter) => {
      const [, traceId, spanId] = String(getter.get(carrier, 'traceparent') ?? '').split('-');
      if (traceId === undefined || spanId === undefined) return active;
      return trace.setSpanContext(active, { traceId, spanId, traceFlags: 1, isRemote: true });
    },
    fields: () => ['traceparent'],
  });
});
afterAll(() => {
  context.disable();
  propagation.disable();
  trace.disable();
  metrics.disable();
});
beforeEach(() => {
  spans.length = 0;
  measured.length = 0;
});

const work = { queue: 'mail', partition: 2, id: 'now', firstId: 'first', attempts: 1, bytes: 5 };

test('the handler of an item is a child of its send, whatever process it runs in', async () => {
  const clock = new ManualClock();
  const telemetry = openTelemetry({ tracer, meter, clock });
  let sentPairs: Readonly<Record<string, string>> = {};
  const sent = await telemetry.send({ queue: 'mail', bytes: 5 }, async (pairs) => {
    sentPairs = pairs;
    await clock.advance('2s');
    return { id: 'first' };
  });
  expect(sent).toEqual({ id: 'first' });
  let inside: string | undefined;
  await telemetry.handle({ ...work, pairs: sentPairs }, async () => {
    inside = trace.getActiveSpan()?.spanContext().spanId;
    await clock.advance('500ms');
  });
  expect(spans).toEqual([
    {
      ...{ name: 'send mail', kind: SpanKind.PRODUCER, spanId: '0000000000000001', ended: true },
      parent: undefined,
      attributes: {
        'messaging.system': 'querator',
        'messaging.destination.name': 'mail',
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.message.body.size': 5,
        'messaging.message.id': 'first',
      },
    },
    {
      ...{ name: 'process mail', kind: SpanKind.CONSUMER, spanId: '0000000000000002', ended: true },
      parent: '0000000000000001',
      attributes: {
        'messaging.system': 'querator',
        'messaging.destination.name': 'mail',
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.message.id': 'first',
        'messaging.message.body.size': 5,
        'messaging.destination.partition.id': '2',
        'querator.item.id': 'now',
        'querator.item.attempts': 1,
      },
    },
  ]);
  expect(inside).toBe('0000000000000002');
  expect(measured.map(({ name, value }) => [name, value])).toEqual([
    ['messaging.client.sent.messages', 1],
    ['messaging.client.operation.duration', 2],
    ['messaging.client.consumed.messages', 1],
    ['messaging.process.duration', 0.5],
  ]);
});

test('a failure is thrown on, and recorded', async () => {
  const telemetry = openTelemetry({ tracer, meter });
  const error = new RangeError('too far');
  await expect(
    telemetry.handle({ ...work, firstId: undefined, pairs: {} }, () => Promise.reject(error)),
  ).rejects.toBe(error);
  await expect(telemetry.send({ queue: 'mail', bytes: 0 }, () => Promise.reject('text'))).rejects.toBe(
    'text',
  );
  expect(spans).toMatchObject([
    {
      exception: error,
      status: { code: SpanStatusCode.ERROR, message: 'too far' },
      attributes: { 'messaging.message.id': 'now', 'error.type': 'RangeError' },
      ended: true,
    },
    { exception: 'text', status: { message: 'text' }, attributes: { 'error.type': 'string' }, ended: true },
  ]);
  expect(measured.every(({ attributes }) => attributes['error.type'] !== undefined)).toBe(true);
});

describe('the handler of an item that was tried before', () => {
  const pairs = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
  const sendSpan = 'b'.repeat(16);
  const spanOf = async (work: HandledWork, options: OpenTelemetryOptions = {}) => {
    await openTelemetry({ tracer, meter, ...options }).handle(work, async () => {});
    return spans.at(-1);
  };
  const again = { ...work, attempts: 2, pairs };

  test('begins a trace of its own, with a link to the send', async () => {
    expect(await spanOf({ ...work, pairs })).toMatchObject({ parent: sendSpan });
    expect(spans.at(-1)).not.toHaveProperty('links');
    expect(await spanOf(again)).toMatchObject({ parent: undefined, links: [sendSpan] });
    expect(await spanOf({ ...work, pairs, isDeadLetter: true })).toMatchObject({ links: [sendSpan] });
    expect(await spanOf({ ...again, pairs: {} })).not.toHaveProperty('links');
  });

  test('may be a child too, and the first attempt may have a link', async () => {
    expect(await spanOf(again, { sendIsParent: 'always' })).toMatchObject({ parent: sendSpan });
    const first = { ...work, pairs };
    expect(await spanOf(first, { sendIsParent: 'never' })).toMatchObject({ links: [sendSpan] });
  });

  test('is what the environment says, unless the program does', async () => {
    vi.stubEnv('QUERATOR_TRACE_PARENT', 'always');
    expect(await spanOf(again)).toMatchObject({ parent: sendSpan });
    expect(await spanOf(again, { sendIsParent: 'first-attempt' })).toMatchObject({ links: [sendSpan] });
    vi.stubEnv('QUERATOR_TRACE_PARENT', 'sometimes');
    expect(() => openTelemetry()).toThrow('QUERATOR_TRACE_PARENT is invalid; expected one of first-attempt');
    vi.unstubAllEnvs();
    const sendIsParent = 'sometimes' as never;
    expect(() => openTelemetry({ sendIsParent })).toThrow('sendIsParent is invalid; expected one of');
  });
});

test('without a provider nothing is recorded, and everything works', async () => {
  const telemetry = openTelemetry();
  expect(await telemetry.send({ queue: 'mail', bytes: 0 }, async () => ({ id: undefined }))).toEqual({
    id: undefined,
  });
  await telemetry.handle({ ...work, pairs: {} }, async () => {});
  expect(spans).toEqual([]);
});
