import type { Service } from '@querator/engine';
import type { PoolState } from '@querator/storage-postgres';
import { Counter, Gauge, Registry, Summary } from 'prom-client';

/** Where the figures come from that are not counted but looked up. */
export interface MetricSources {
  readonly service: Service;
  readonly pools: () => readonly PoolState[];
}

/**
 * What a server tells Prometheus (wire.md, section 11). Labels hold only names
 * that the server knows: paths of its own endpoints, queues at work in it, its
 * storages; a caller cannot make new series.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #durations: Summary<'path'>;
  readonly #replies: Counter<'path' | 'code'>;

  constructor({ service, pools }: MetricSources) {
    const registers = [this.#registry];
    this.#durations = new Summary({
      name: 'http_handler_duration',
      help: 'The timings of http requests handled by the service',
      labelNames: ['path'],
      percentiles: [0.5, 0.99],
      // Quantiles of the last ten minutes; without a window they would be those since the start.
      maxAgeSeconds: 600,
      ageBuckets: 5,
      registers,
    });
    this.#replies = new Counter({
      name: 'querator_http_replies_total',
      help: 'Replies by path and code',
      labelNames: ['path', 'code'],
      registers,
    });
    new Gauge({
      name: 'querator_requests_waiting',
      help: 'Requests not answered yet, by queue and operation',
      labelNames: ['queue', 'operation'],
      registers,
      collect() {
        this.reset();
        for (const [queue, waiting] of service.waiting()) {
          this.set({ queue, operation: 'produce' }, waiting.produceWaiting);
          this.set({ queue, operation: 'lease' }, waiting.leaseWaiting);
          this.set({ queue, operation: 'complete' }, waiting.completeWaiting);
          this.set({ queue, operation: 'retry' }, waiting.retryWaiting);
        }
      },
    });
    new Gauge({
      name: 'querator_postgres_pool',
      help: 'Connections of a pool: the limit, open, idle, and requests waiting for one',
      labelNames: ['target', 'state'],
      registers,
      collect() {
        this.reset();
        for (const { target, maxConns, open, idle, waiting } of pools()) {
          this.set({ target, state: 'limit' }, maxConns);
          this.set({ target, state: 'open' }, open);
          this.set({ target, state: 'idle' }, idle);
          this.set({ target, state: 'waiting' }, waiting);
        }
      },
    });
  }

  /** A request to one of the server's own paths was answered. */
  answered(path: string, code: number, seconds: number): void {
    this.#durations.observe({ path }, seconds);
    this.#replies.inc({ path, code });
  }

  /** The text that Prometheus scrapes, and its media type. */
  async exposition(): Promise<{ readonly text: string; readonly contentType: string }> {
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }
}
