import type { Worker } from 'node:cluster';
import type { Clock } from '@querator/core';
import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from 'prom-client';
import { isMessage, type Message } from './messages.ts';

/** A worker that takes longer than this is left out. */
const COLLECT_TIMEOUT_MS = 3_000;

type Values = readonly MetricObjectWithValues<MetricValue<string>>[];

/** Collects the metrics of all workers for the worker that was scraped. */
export class MetricsGatherer {
  readonly #workers: () => readonly Worker[];
  readonly #clock: Clock;
  readonly #collecting = new Map<number, (metrics: Values) => void>();
  #next = 0;

  /** @param workers the workers that run now. */
  constructor(workers: () => readonly Worker[], clock: Clock) {
    this.#workers = workers;
    this.#clock = clock;
  }

  /** Listens to a worker. */
  add(worker: Worker): void {
    worker.on('message', (value: unknown) => {
      if (!isMessage(value)) return;
      if (value.type === 'querator:scrape') void this.#answer(worker, value.id);
      if (value.type === 'querator:collected') this.#collecting.get(value.id)?.(value.metrics);
    });
  }

  async #answer(worker: Worker, id: number): Promise<void> {
    const all = await Promise.all(this.#workers().map((each) => this.#collect(each)));
    const registry = AggregatorRegistry.aggregate(all.filter((metrics) => metrics.length > 0) as object[]);
    const text = await registry.metrics();
    if (worker.isConnected()) worker.send({ type: 'querator:scraped', id, text } satisfies Message);
  }

  #collect(worker: Worker): Promise<Values> {
    if (!worker.isConnected()) return Promise.resolve([]);
    const id = this.#next++;
    return new Promise<Values>((resolve) => {
      const cancel = this.#clock.startTimer(COLLECT_TIMEOUT_MS, () => resolve([]));
      this.#collecting.set(id, (metrics) => {
        cancel();
        resolve(metrics);
      });
      worker.send({ type: 'querator:collect', id } satisfies Message);
    }).finally(() => this.#collecting.delete(id));
  }
}
