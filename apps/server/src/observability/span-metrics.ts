import { Counter, Gauge, type Registry } from 'prom-client';

/** What became of the spans of a process. */
export interface SpanCounts {
  readonly exported: number;
  /** Ended while the queue was full. */
  readonly overflowed: number;
  /** Not taken by the exporter, or left when the process stopped. */
  readonly failed: number;
  /** Waiting for the exporter. */
  readonly queued: number;
}

/** Registers metrics of the spans of tracing, which are read at each scrape. */
export function registerSpanMetrics(registry: Registry, counts: () => SpanCounts): void {
  const registers = [registry];
  new Counter({
    name: 'querator_spans_total',
    help: 'Spans that the collector took, that were dropped because their queue was full, or because the export failed',
    labelNames: ['outcome'],
    registers,
    collect() {
      const { exported, overflowed, failed } = counts();
      this.reset();
      this.inc({ outcome: 'exported' }, exported);
      this.inc({ outcome: 'overflowed' }, overflowed);
      this.inc({ outcome: 'failed' }, failed);
    },
  });
  new Gauge({
    name: 'querator_spans_queued',
    help: 'Spans that wait to be sent to the collector',
    registers,
    collect() {
      this.set(counts().queued);
    },
  });
}
