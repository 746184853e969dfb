import type { Tracer } from '@opentelemetry/api';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Clock, Logger } from '@querator/core';
import type { EngineTracer } from '@querator/engine';
import type { CallTracing } from '../http/call/call-tracing.ts';
import type { SpanCounts } from '../observability/span-metrics.ts';
import { CallTracer } from './call-tracer.ts';
import { Sampling } from './sampling.ts';
import { SpanBatcher } from './span-batcher.ts';
import { StatementTracer } from './statement-tracer.ts';
import type { TraceSettings } from './trace-settings.ts';
import type { Tracing } from './tracing.ts';

/** How long the stop of a server waits for its last spans. */
const STOP_MS = 5_000;
/** How long the last export repeats what fails: shorter, so that nothing is under way when the wait is over. */
const LAST_EXPORT_MS = 4_000;

/** Traces by the SDK of OpenTelemetry. Only `create-tracing.ts` loads this file. */
export class SdkTracing implements Tracing {
  readonly calls: CallTracing;
  readonly #tracer: Tracer;
  readonly #batcher: SpanBatcher;
  readonly #settings: TraceSettings;
  readonly #exporter: SpanExporter;

  constructor(settings: TraceSettings, deps: { readonly clock: Clock; readonly logger: Logger }) {
    this.#settings = settings;
    this.#exporter = exporterOf(settings);
    this.#batcher = new SpanBatcher(settings.batch, { ...deps, exporter: this.#exporter });
    const sampling = new Sampling(settings.sampler);
    const provider = new TracerProvider({
      // Spans are begun only once `Sampling` has decided for them.
      sampler: new AlwaysOnSampler(),
      idGenerator: sampling.ids,
      resource: resourceFromAttributes({ ...settings.resource, ...SDK }),
      spanProcessors: [this.#batcher],
    });
    const tracer: Tracer = provider.getTracer('@querator/server', settings.resource['service.version']);
    this.#tracer = tracer;
    const { messaging, propagates } = settings;
    this.calls = new CallTracer({ tracer, sampling, messaging, propagates });
  }

  statements(drivers: ReadonlyMap<string, string>): EngineTracer {
    return new StatementTracer(this.#tracer, drivers);
  }

  counts(): SpanCounts {
    return this.#batcher.counts();
  }

  async stop(): Promise<void> {
    const timeoutMs = Math.min(this.#settings.timeoutMs, LAST_EXPORT_MS);
    const last = exporterOf({ ...this.#settings, timeoutMs });
    await this.#batcher.stop(STOP_MS, last);
    // They wait for exports that hang, so nothing waits for them.
    for (const exporter of [this.#exporter, last]) void exporter.shutdown().catch(() => {});
  }
}

const SDK = { 'telemetry.sdk.name': 'opentelemetry', 'telemetry.sdk.language': 'nodejs' };

function exporterOf({ endpoint, protocol, headers, timeoutMs, compression }: TraceSettings): SpanExporter {
  const Exporter = protocol === 'http/json' ? JsonExporter : ProtobufExporter;
  const options = { url: endpoint, headers: { ...headers }, timeoutMillis: timeoutMs };
  return new Exporter({ ...options, compression: compression as never });
}
