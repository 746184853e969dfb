import type { Clock, Random, StorageBackend } from '@querator/core';
import type { EngineObserver, Service } from '@querator/engine';
import type { PoolState } from '@querator/storage-postgres';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { MonotonicClock } from '../monotonic-clock.ts';
import { HorizonMetrics } from './horizon-metrics.ts';
import { ItemMetrics } from './item-metrics.ts';
import { registerPoolMetrics } from './pool-metrics.ts';
import { QueueDepthMetrics } from './queue-depth.ts';
import { QueueLabels } from './queue-labels.ts';
import { RequestMetrics } from './request-metrics.ts';
import { StorageMetrics } from './storage-metrics.ts';

/** What metrics are made of. */
export interface MetricsOptions {
  readonly clock: Clock;
  readonly monotonicClock: MonotonicClock;
  readonly random: Random;
  /** What the connection pools are doing. */
  readonly pools: () => readonly PoolState[];
  /** Whether to tell of the process too: its memory, CPU time and the like. */
  readonly ofProcess?: boolean | undefined;
  /** Queues that get series of their own; the default when left out. */
  readonly queuesWithSeries?: number | undefined;
  /** Which of several processes on one port this is; becomes a label of every series. */
  readonly worker?: string | undefined;
}

/**
 * What a server tells Prometheus (docs/monitoring.md). Labels hold only names
 * that the server knows: paths of its own endpoints, its storages, and a
 * bounded number of queues; no caller can make series without end.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #labels: QueueLabels;
  readonly #requests: RequestMetrics;
  readonly #items: ItemMetrics;
  readonly #storages: StorageMetrics;
  readonly #clock: Clock;
  #service: Service | undefined;
  #depths: QueueDepthMetrics | undefined;
  #horizons: HorizonMetrics | undefined;

  constructor({ clock, monotonicClock, random, pools, ofProcess, queuesWithSeries, worker }: MetricsOptions) {
    if (worker !== undefined) this.#registry.setDefaultLabels({ worker });
    this.#clock = clock;
    this.#labels = new QueueLabels(queuesWithSeries);
    this.#requests = new RequestMetrics(this.#registry, { monotonicClock, random });
    this.#items = new ItemMetrics(this.#registry, this.#labels);
    this.#storages = new StorageMetrics(this.#registry, clock);
    registerPoolMetrics(this.#registry, pools);
    if (ofProcess === true) collectDefaultMetrics({ register: this.#registry });
  }

  /** To be told what the engine does. */
  get observer(): EngineObserver {
    return this.#items;
  }

  /** The same storage, its calls measured. @param name for the label. */
  measure(backend: StorageBackend, name = backend.name): StorageBackend {
    return this.#storages.measure(backend, name);
  }

  /** Tells of this service's queues, and of its storages for partitions, from now on. Once. */
  observe(service: Service, storages: readonly StorageBackend[]): void {
    const labels = this.#labels;
    this.#service = service;
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
        }
      },
    });
  }

  /** A request to one of the server's own paths was answered. */
  answered(path: string, code: number, seconds: number): void {
    this.#requests.answered(path, code, seconds);
  }

  /** The text that Prometheus scrapes, and its media type. */
  async exposition(): Promise<{ readonly text: string; readonly contentType: string }> {
    await this.#prepare();
    return { text: await this.#registry.metrics(), contentType: this.#registry.contentType };
  }

  /** The figures themselves, for whoever puts those of several processes together. */
  async values(): Promise<Awaited<ReturnType<Registry['getMetricsAsJSON']>>> {
    await this.#prepare();
    return this.#registry.getMetricsAsJSON();
  }

  /** Counts queues and looks at storages no more. */
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
