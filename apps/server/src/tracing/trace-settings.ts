import { hostname } from 'node:os';
import { ConfigError } from '../config/config-error.ts';
import { VERSION } from '../version.ts';
import { Variables } from './variables.ts';

/** Which traces are recorded. */
export interface SamplerSettings {
  /** Whether the decision of whoever began a trace counts. */
  readonly isParentBased: boolean;
  /** The fraction of the other traces that is recorded: 0 to 1. */
  readonly ratio: number;
}

/** How finished spans wait, and go in batches. */
export interface BatchSettings {
  readonly delayMs: number;
  readonly exportTimeoutMs: number;
  readonly queueSize: number;
  readonly batchSize: number;
}

/** The settings of tracing. */
export interface TraceSettings {
  /** Where spans go: a URL with its path. */
  readonly endpoint: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  /** Headers of each request, which may hold a key. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly compression: 'none' | 'gzip';
  readonly sampler: SamplerSettings;
  readonly batch: BatchSettings;
  /** Attributes of every span's resource. */
  readonly resource: Readonly<Record<string, string>>;
  /** Whether traces go on from callers to the server and to items. Otherwise each recorded call begins one. */
  readonly propagates: boolean;
  /** Whether spans have the attributes of the messaging conventions, which are not stable yet. */
  readonly messaging: boolean;
}

const DEFAULT_ENDPOINT = 'http://localhost:4318';
const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
const COMPRESSIONS = ['none', 'gzip'] as const;
const SAMPLERS = [
  ...['always_on', 'always_off', 'traceidratio'],
  ...['parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'],
];
const LONGEST_MS = 3_600_000;

/**
 * Reads the settings of tracing from the environment variables of OpenTelemetry.
 *
 * @returns undefined unless `OTEL_TRACES_EXPORTER` is `otlp`.
 * @throws ConfigError with a line for each variable that has a wrong value. It never shows
 *   the value, which may hold a key.
 */
export function readTraceSettings(
  env: Readonly<Record<string, string | undefined>>,
): TraceSettings | undefined {
  const variables = new Variables(env);
  const isDisabled = variables.choice('OTEL_SDK_DISABLED', ['false', 'true']) === 'true';
  const exporter = variables.choice('OTEL_TRACES_EXPORTER', ['none', 'otlp']);
  const settings = isDisabled || exporter !== 'otlp' ? undefined : settingsOf(variables);
  if (variables.faults.length > 0) throw new ConfigError(variables.faults.join('\n'));
  return settings;
}

function settingsOf(variables: Variables): TraceSettings {
  const queueSize = variables.whole('OTEL_BSP_MAX_QUEUE_SIZE', 2_048, { least: 1, most: 1_000_000 });
  const batchSize = variables.whole('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', Math.min(512, queueSize), {
    least: 1,
    most: queueSize,
  });
  return {
    endpoint: endpointOf(variables),
    protocol: variables.choice(variables.ofTraces('PROTOCOL'), PROTOCOLS),
    headers: variables.pairs(variables.ofTraces('HEADERS')),
    timeoutMs: variables.whole(variables.ofTraces('TIMEOUT'), 10_000, { least: 1, most: LONGEST_MS }),
    compression: variables.choice(variables.ofTraces('COMPRESSION'), COMPRESSIONS),
    sampler: samplerOf(variables),
    batch: {
      delayMs: variables.whole('OTEL_BSP_SCHEDULE_DELAY', 5_000, { least: 1, most: LONGEST_MS }),
      exportTimeoutMs: variables.whole('OTEL_BSP_EXPORT_TIMEOUT', 30_000, { least: 1, most: LONGEST_MS }),
      queueSize,
      batchSize,
    },
    resource: resourceOf(variables),
    propagates: propagatesOf(variables),
    messaging: variables
      .list('OTEL_SEMCONV_STABILITY_OPT_IN')
      .some((value) => value === 'messaging' || value === 'messaging/dup'),
  };
}

function endpointOf(variables: Variables): string {
  const own = variables.url('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  if (own !== undefined) return own.href;
  const base = variables.url('OTEL_EXPORTER_OTLP_ENDPOINT') ?? new URL(DEFAULT_ENDPOINT);
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/v1/traces`;
  return base.href;
}

function samplerOf(variables: Variables): SamplerSettings {
  const name = variables.choice('OTEL_TRACES_SAMPLER', SAMPLERS, 'parentbased_always_on');
  const isParentBased = name.startsWith('parentbased_');
  if (name.endsWith('always_on')) return { isParentBased, ratio: 1 };
  if (name.endsWith('always_off')) return { isParentBased, ratio: 0 };
  return { isParentBased, ratio: variables.fraction('OTEL_TRACES_SAMPLER_ARG', 1) };
}

/** The W3C Trace Context is the only format. The others of a list, such as `baggage` or `b3`, are for other programs. */
function propagatesOf(variables: Variables): boolean {
  const name = 'OTEL_PROPAGATORS';
  if (variables.text(name) === undefined) return true;
  const chosen = variables.list(name);
  if (chosen.includes('tracecontext')) return true;
  if (chosen.length !== 1 || chosen[0] !== 'none')
    variables.expect(name, 'none, or a list with tracecontext');
  return false;
}

function resourceOf(variables: Variables): Readonly<Record<string, string>> {
  const given = variables.pairs('OTEL_RESOURCE_ATTRIBUTES');
  const name = variables.text('OTEL_SERVICE_NAME') ?? given['service.name'] ?? 'querator';
  return {
    'service.version': VERSION,
    'service.instance.id': `${hostname()}:${process.pid}`,
    ...given,
    'service.name': name,
  };
}
