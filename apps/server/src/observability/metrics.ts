import type { Clock, Random, StorageBackend } from '@querator/core';
import type { EngineObserver, Service } from '@querator/engine';
import type { PoolState } from '@querator/storage-postgres';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { MonotonicClock } from '../monotonic-clock.ts';
import { registerDrainMetrics } from './drain-metrics.ts';
import { HorizonMetrics } from './horizon-metrics.ts';
import { ItemMetrics } from './item-metrics.ts';
import { type Load, registerLoadMetrics } from './load-metrics.ts';
import { openMetricsText, wantsOpenMetrics } from './open-metrics.ts';
import { registerOutboxMetrics } from './outbox-metrics.ts';
import { registerPoolMetrics } from './pool-metrics.ts';
import { QueueDepthMetrics } from './queue-depth.ts';
import { QueueLabels } from './queue-labels.ts';
import { registerQuotaMetrics } from './quota-metrics.ts';
import { RequestMetrics, type SpanIds } from './request-metrics.ts';
import { registerSpanMetrics } from './span-metrics.ts';
import { StorageMetrics } from './storage-metrics.ts';
import { registerRunningTasks, TaskMetrics } from './task-metrics.ts';

/** The dependencies and settings of metrics. */
export interface MetricsOptions {
  readonly clock: Clock;
  readonly monotonicClock: MonotonicClock;
  readonly random: Random;
  /** The state of the connection pools. */
  readonly pools: () => readonly PoolState[];
  /** Whether to include the process: its memory, CPU time and the like. */
  readonly ofProcess?: boolean | undefined;
  /** How many queues have their own series. Undefined: 1,000. */
  readonly queuesWithSeries?: number | undefined;
  /** The name of this process among several on one port, which becomes a label of every series. */
  readonly worker?: string | undefined;
}

/**
 * The metrics of a server for Prometheus, as docs/monitoring.md lists them. The
 * number of series is bounded: labels hold paths of the server's own endpoints,
 * names of its storages, and a limited number of queues.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #labels: QueueLabels;
  readonly #requests: RequestMetrics;
  readonly #items: ItemMetrics;
  readonly #storages: StorageMetrics;
  readonly #tasks: TaskMetrics;
  readonly #clock: Clock;
  #hasSpans = false;
  #service: Service | undefined;
  #depths: QueueDepthMetrics | undefined;
  #horizons: HorizonMetrics | undefined;

  constructor({ clock, monotonicClock, random, pools, ofProcess, queuesWithSeries, worker }: MetricsOptions) {
    if (worker !== undefined) this.#registry.setDefaultLabels({ worker });
    this.#clock = clock;
    this.#labels = new QueueLabels(queuesWithSeries);
    this.#requests = new RequestMetrics(this.#registry, { clock, monotonicClock, random });
    this.#items = new ItemMetrics(this.#registry, this.#labels);
    this.#storages = new StorageMetrics(this.#registry, clock);
    this.#tasks = new TaskMetrics(this.#registry);
    registerPoolMetrics(this.#registry, pools);
    if (ofProcess === true) collectDefaultMetrics({ register: this.#registry });
  }

  /** Counts what the engine reports. */
  get observer(): EngineObserver {
    const items = this.#items;
    const tasks = this.#tasks;
    return {
      items: (queue, event, count) => items.items(queue, event, count),
      batch: (operation, size) => items.batch(operation, size),
      schedules: (event, count) => items.schedules(event, count),
      taskItems: (kind, handled) => tasks.taskItems(kind, handled),
      taskEnded: (kind, state) => tasks.taskEnded(kind, state),
    };
  }

  /** Decorates a storage to measure its calls. @param name for the label. */
  measure(backend: StorageBackend, name = backend.name): StorageBackend {
    return this.#storages.measure(backend, name);
  }

  /** Adds the queues of a service and its partition storages. Call it once. */
  observe(service: Service, storages: readonly StorageBackend[]): void {
    const labels = this.#labels;
    this.#service = service;
    this.#tasks.begin(service.tasks.kinds);
    registerRunningTasks(this.#registry, service.tasks);
    registerDrainMetrics(this.#registry, service.drains);
    this.#depths = new QueueDepthMetrics(this.#registry, { clock: this.#clock, service, labels });
    this.#horizons = new HorizonMetrics(this.#registry, { clock: this.#clock, storages });
    new Gauge({
      name: 'querator_requests_waiting',
      help: 'Requests not answered yet, by queue and operation',
      labelNames: ['queue', 'operation'],
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [name, waiting] of service.waiting()) {
          const queue = labels.of(name);
          this.inc({ queue, operation: 'produce' }, waiting.produceWaiting);
          this.inc({ queue, operation: 'lease' }, waiting.leaseWaiting);
          this.inc({ queue, operation: 'complete' }, waiting.completeWaiting);
          this.inc({ queue, operation: 'retry' }, waiting.retryWaiting);
          this.inc({ queue, operation: 'extend' }, waiting.extendWaiting);
        }
      },
    });
  }

  /** Adds what connections and requests take of their limits. Call it once. */
  observeLoad(load: Load): void {
    registerLoadMetrics(this.#registry, load);
  }

  /** Adds what is refused and used because of quotas. Call it once. */
  observeQuotas(quotas: Parameters<typeof registerQuotaMetrics>[1]): void {
    registerQuotaMetrics(this.#registry, quotas);
  }

  /** Adds what became of spans. Call it once. */
  observeSpans(counts: Parameters<typeof registerSpanMetrics>[1]): void {
    this.#hasSpans = true;
    registerSpanMetrics(this.#registry, counts);
  }

  /** Adds what relays do. Call it once. */
  observeOutboxes(states: Parameters<typeof registerOutboxMetrics>[1]): void {
    registerOutboxMetrics(this.#registry, states);
  }

  /** Counts a request to one of the server's own paths. */
  answered(path: string, code: number, seconds: number, span?: SpanIds): void {
    this.#requests.answered(path, code, seconds, span);
  }

  /**
   * The text for Prometheus and its media type. It has exemplars if spans are recorded, and the
   * scraper takes OpenMetrics: the older format has no place for them.
   */
  async exposition(accept?: string): Promise<{ readonly text: string; readonly contentType: string }> {
    await this.#prepare();
    if (this.#hasSpans && wantsOpenMetrics(accept)) {
      const text = openMetricsText(await this.#registry.getMetricsAsJSON());
      return { text, contentType: Registry.OPENMETRICS_CONTENT_TYPE };
    }
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }

  /** The metrics as values, to combine those of several processes. */
  async values(): Promise<Awaited<ReturnType<Registry['getMetricsAsJSON']>>> {
    await this.#prepare();
    return this.#registry.getMetricsAsJSON();
  }

  /** Stops the background samples of queues and storages. */
  stop(): void {
    this.#depths?.stop();
    this.#horizons?.stop();
  }

  async #prepare(): Promise<void> {
    const running = this.#service?.waiting() ?? new Map<string, unknown>();
    for (const queue of this.#labels.keepOnly(running)) await this.#items.remove(queue);
    this.#depths?.scraped();
    this.#horizons?.scraped();
  }
}
