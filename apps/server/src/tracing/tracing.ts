import type { EngineTracer } from '@querator/engine';
import type { CallTracing } from '../http/call/call-tracing.ts';
import type { SpanCounts } from '../observability/span-metrics.ts';

/** Records traces of a server, and sends them to a collector. */
export interface Tracing {
  readonly calls: CallTracing;
  /**
   * Records storage calls.
   *
   * @param drivers the names of drivers, by the names of their storages.
   */
  statements(drivers: ReadonlyMap<string, string>): EngineTracer;
  /** What became of the spans so far. */
  counts(): SpanCounts;
  /** Sends the spans that wait, for at most 5 s, and drops the rest. Never rejects. */
  stop(): Promise<void>;
}
