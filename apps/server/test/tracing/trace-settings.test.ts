import { describe, expect, test } from 'vitest';
import { readTraceSettings } from '../../src/index.ts';

const ON = { OTEL_TRACES_EXPORTER: 'otlp' };

describe('tracing', () => {
  test.each([
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
    { OTEL_TRACES_EXPORTER: 'none' },
    { OTEL_TRACES_EXPORTER: '' },
    { ...ON, OTEL_SDK_DISABLED: 'true' },
    // What is off is not checked: other programs may share the variables.
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_TRACES_SAMPLER: 'other' },
  ])('is off with %j', (env) => {
    expect(readTraceSettings(env)).toBeUndefined();
  });

  test('has the defaults of the specification', () => {
    expect(readTraceSettings(ON)).toEqual({
      endpoint: 'http://localhost:4318/v1/traces',
      protocol: 'http/protobuf',
      headers: {},
      timeoutMs: 10_000,
      compression: 'none',
      sampler: { isParentBased: true, ratio: 1 },
      batch: { delayMs: 5_000, exportTimeoutMs: 30_000, queueSize: 2_048, batchSize: 512 },
      resource: {
        'service.name': 'querator',
        'service.version': expect.any(String),
        'service.instance.id': expect.any(String),
      },
      propagates: true,
      messaging: false,
    });
  });

  test('takes every documented variable, and those for traces before those for all signals', () => {
    const settings = readTraceSettings({
      ...ON,
      OTEL_SDK_DISABLED: 'false',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://all:4318/otlp/',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b, x-scope=c',
      OTEL_EXPORTER_OTLP_TIMEOUT: '900',
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '1000',
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.01',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_BSP_EXPORT_TIMEOUT: '200',
      OTEL_BSP_MAX_QUEUE_SIZE: '300',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '30',
      OTEL_SERVICE_NAME: 'orders',
      OTEL_RESOURCE_ATTRIBUTES: 'service.name=other,deployment.environment.name=prod',
      OTEL_PROPAGATORS: 'none',
      OTEL_SEMCONV_STABILITY_OPT_IN: 'http,messaging',
    });
    expect(settings).toMatchObject({
      endpoint: 'http://all:4318/otlp/v1/traces',
      protocol: 'http/json',
      headers: { 'api-key': 'a b', 'x-scope': 'c' },
      timeoutMs: 1_000,
      compression: 'gzip',
      sampler: { isParentBased: false, ratio: 0.01 },
      batch: { delayMs: 100, exportTimeoutMs: 200, queueSize: 300, batchSize: 30 },
      resource: { 'service.name': 'orders', 'deployment.environment.name': 'prod' },
      propagates: false,
      messaging: true,
    });
    const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces/path' };
    expect(readTraceSettings({ ...ON, ...own })?.endpoint).toBe('https://traces/path');
  });

  test.each([
    ['always_on', undefined, { isParentBased: false, ratio: 1 }],
    ['always_off', undefined, { isParentBased: false, ratio: 0 }],
    ['parentbased_always_off', undefined, { isParentBased: true, ratio: 0 }],
    ['parentbased_traceidratio', '0.5', { isParentBased: true, ratio: 0.5 }],
    ['traceidratio', undefined, { isParentBased: false, ratio: 1 }],
  ])('takes the sampler %s with %s', (sampler, arg, expected) => {
    const env = { ...ON, OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: arg };
    expect(readTraceSettings(env)?.sampler).toEqual(expected);
  });

  test.each([
    ['OTEL_TRACES_EXPORTER', 'jaeger', 'one of none, otlp'],
    ['OTEL_SDK_DISABLED', 'maybe', 'one of false, true'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', 'one of http/protobuf, http/json'],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'grpc', 'one of http/protobuf, http/json'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4317', 'a URL that begins with http:// or https://'],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'ftp://x', 'a URL that begins with http:// or https://'],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      'secret',
      'pairs as in key1=value1,key2=value2, with percent-encoded values',
    ],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      'a=%0d%0asecret',
      'pairs as in key1=value1,key2=value2, with percent-encoded values',
    ],
    ['OTEL_EXPORTER_OTLP_TIMEOUT', '10s', 'a whole number from 1 to 3600000'],
    ['OTEL_EXPORTER_OTLP_COMPRESSION', 'zstd', 'one of none, gzip'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote', expect.stringContaining('parentbased_traceidratio')],
    ['OTEL_TRACES_SAMPLER_ARG', '1%', 'a number from 0 to 1'],
    ['OTEL_TRACES_SAMPLER_ARG', '2', 'a number from 0 to 1'],
    ['OTEL_BSP_MAX_QUEUE_SIZE', '0', 'a whole number from 1 to 1000000'],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '4096', 'a whole number from 1 to 2048'],
    ['OTEL_PROPAGATORS', 'b3', 'none, or a list with tracecontext'],
    ['OTEL_PROPAGATORS', 'none,baggage', 'none, or a list with tracecontext'],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a', 'pairs as in key1=value1,key2=value2, with percent-encoded values'],
  ])('refuses %s=%s', (name, value, expected) => {
    const sampler = name === 'OTEL_TRACES_SAMPLER_ARG' ? { OTEL_TRACES_SAMPLER: 'traceidratio' } : {};
    const read = () => readTraceSettings({ ...ON, ...sampler, [name]: value });
    expect(read).toThrow(`environment variable ${name}: expected `);
    if (typeof expected === 'string') expect(read).toThrow(expected);
    expect(read).not.toThrow('secret');
  });

  test.each(['', 'tracecontext', 'baggage, tracecontext', 'b3,tracecontext,baggage'])(
    'traces go on with OTEL_PROPAGATORS=%s',
    (value) => {
      expect(readTraceSettings({ ...ON, OTEL_PROPAGATORS: value })?.propagates).toBe(true);
    },
  );

  test('names all wrong variables at once', () => {
    const env = { ...ON, OTEL_EXPORTER_OTLP_TIMEOUT: 'x', OTEL_BSP_SCHEDULE_DELAY: '-1' };
    expect(() => readTraceSettings(env)).toThrow(/OTLP_TIMEOUT: [^\n]*\n[^\n]*BSP_SCHEDULE_DELAY: /);
  });
});
