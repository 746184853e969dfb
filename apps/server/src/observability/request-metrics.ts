import { Counter, Histogram, type Registry, Summary } from 'prom-client';

/** Leases wait for items, for minutes if they like. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** How long requests took and how they ended. Paths are those of our own endpoints. */
export class RequestMetrics {
  readonly #summary: Summary<'path'>;
  readonly #duration: Histogram<'path'>;
  readonly #replies: Counter<'path' | 'code'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#summary = new Summary({
      name: 'http_handler_duration',
      help: 'The timings of http requests handled by the service',
      labelNames: ['path'],
      percentiles: [0.5, 0.99],
      // Quantiles of the last ten minutes; without a window they would be those since the start.
      maxAgeSeconds: 600,
      ageBuckets: 5,
      registers,
    });
    this.#duration = new Histogram({
      name: 'querator_request_duration_seconds',
      help: 'How long requests took, by path; a lease includes the time it waited for items',
      labelNames: ['path'],
      buckets: BUCKETS,
      registers,
    });
    this.#replies = new Counter({
      name: 'querator_http_replies_total',
      help: 'Replies by path and code',
      labelNames: ['path', 'code'],
      registers,
    });
  }

  /** A request to one of the server's own paths was answered. */
  answered(path: string, code: number, seconds: number): void {
    this.#summary.observe({ path }, seconds);
    this.#duration.observe({ path }, seconds);
    this.#replies.inc({ path, code });
  }
}
