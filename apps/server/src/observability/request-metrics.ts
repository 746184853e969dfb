import type { Clock, Random } from '@querator/core';
import type { Metric, MetricObjectWithValues, MetricValueWithName, Registry } from 'prom-client';
import type { MonotonicClock } from '../monotonic-clock.ts';
import type { Exemplar } from './open-metrics.ts';
import { RecentDurations } from './recent-durations.ts';

/** In seconds. Leases may wait for items for minutes. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const QUANTILES = [0.5, 0.99];

type Values = (MetricValueWithName<string> & { readonly exemplar?: Exemplar | undefined })[];

/** Names the span of a request. */
export interface SpanIds {
  readonly trace_id: string;
  readonly span_id: string;
}

/** The counts of one path. */
interface PathRecord {
  readonly path: string;
  /** The count of each bucket, without those of shorter ones. The last is for longer durations than all buckets. */
  readonly buckets: number[];
  readonly byCode: Map<number, number>;
  /** The last traced request of each bucket. Undefined: none was traced. */
  exemplars: (Exemplar | undefined)[] | undefined;
  readonly recent: RecentDurations;
  count: number;
  sum: number;
}

/**
 * Durations and reply codes of requests, by path of the server's own endpoints.
 *
 * Counts in plain numbers and converts them at a scrape: the library's summary
 * made counting a request half as expensive as serving it.
 */
export class RequestMetrics {
  readonly #records = new Map<string, PathRecord>();
  readonly #monotonicClock: MonotonicClock;
  readonly #random: Random;
  readonly #clock: Clock;

  constructor(
    registry: Registry,
    {
      clock,
      monotonicClock,
      random,
    }: { readonly clock: Clock; readonly monotonicClock: MonotonicClock; readonly random: Random },
  ) {
    this.#monotonicClock = monotonicClock;
    this.#random = random;
    this.#clock = clock;
    this.#register(registry, {
      name: 'http_handler_duration',
      help: 'The timings of http requests handled by the service',
      type: 'summary',
      valuesOf: (record, metric) => summaryOf(record, metric, this.#nowSeconds()),
    });
    this.#register(registry, {
      name: 'querator_request_duration_seconds',
      help: 'How long requests took, by path; a lease includes the time it waited for items',
      type: 'histogram',
      valuesOf: histogramOf,
    });
    this.#register(registry, {
      name: 'querator_http_replies_total',
      help: 'Replies by path and code',
      type: 'counter',
      valuesOf: ({ path, byCode }) =>
        [...byCode].map(([code, value]) => ({ value, labels: { path, code: String(code) } })),
    });
  }

  /** Counts a request to one of the server's own paths. @param span undefined: it is not traced. */
  answered(path: string, code: number, seconds: number, span?: SpanIds): void {
    const record = this.#records.get(path) ?? this.#begin(path);
    record.count++;
    record.sum += seconds;
    let bucket = 0;
    while (seconds > (BUCKETS[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    (record.buckets[bucket] as number)++;
    record.byCode.set(code, (record.byCode.get(code) ?? 0) + 1);
    record.recent.add(seconds, this.#nowSeconds());
    if (span !== undefined) this.#addExemplar(record, bucket, seconds, span);
  }

  #addExemplar(record: PathRecord, bucket: number, value: number, { trace_id, span_id }: SpanIds): void {
    record.exemplars ??= [];
    const timestamp = Number(this.#clock.now()) / 1_000_000;
    record.exemplars[bucket] = { labelSet: { trace_id, span_id }, value, timestamp };
  }

  #nowSeconds(): number {
    return this.#monotonicClock() / 1_000;
  }

  #begin(path: string): PathRecord {
    const record = {
      path,
      buckets: [...BUCKETS.map(() => 0), 0],
      // Prometheus does not see a rise to the first value of a series, and a single failure must be seen.
      byCode: new Map<number, number>([[500, 0]]),
      exemplars: undefined,
      recent: new RecentDurations(() => this.#random.fraction()),
      count: 0,
      sum: 0,
    };
    this.#records.set(path, record);
    return record;
  }

  #register(
    registry: Registry,
    metric: {
      readonly name: string;
      readonly help: string;
      readonly type: string;
      readonly valuesOf: (record: PathRecord, name: string) => Values;
    },
  ): void {
    const { name, help, type, valuesOf } = metric;
    const get = async () => ({
      name,
      help,
      type,
      aggregator: 'sum',
      values: [...this.#records.values()].flatMap((record) => valuesOf(record, name)),
    });
    // The registry calls only these members, whatever its types demand.
    registry.registerMetric({ name, get, reset: () => this.#records.clear() } as unknown as Metric &
      MetricObjectWithValues<MetricValueWithName<string>>);
  }
}

function summaryOf({ path, recent, sum, count }: PathRecord, name: string, nowSeconds: number): Values {
  const quantiles = recent.quantiles(QUANTILES, nowSeconds);
  return [
    ...quantiles.map((value, n) => ({ value, labels: { quantile: QUANTILES[n] as number, path } })),
    { metricName: `${name}_sum`, value: sum, labels: { path } },
    { metricName: `${name}_count`, value: count, labels: { path } },
  ];
}

function histogramOf({ path, buckets, exemplars, sum, count }: PathRecord, name: string): Values {
  let below = 0;
  const cumulative = BUCKETS.map((le, n) => {
    below += buckets[n] as number;
    return { metricName: `${name}_bucket`, value: below, labels: { le, path }, exemplar: exemplars?.[n] };
  });
  return [
    ...cumulative,
    {
      ...{ metricName: `${name}_bucket`, value: count, labels: { le: '+Inf', path } },
      exemplar: exemplars?.[BUCKETS.length],
    },
    { metricName: `${name}_sum`, value: sum, labels: { path } },
    { metricName: `${name}_count`, value: count, labels: { path } },
  ];
}
