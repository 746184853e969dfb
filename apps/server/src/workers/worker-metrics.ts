import type { Metrics } from '../observability/metrics.ts';
import type { AllWorkers } from './all-workers.ts';

type Exposition = Awaited<ReturnType<Metrics['exposition']>>;

/**
 * The metrics in a worker. A scrape reaches one worker, and gets the metrics of
 * all of them, each with the label `worker`.
 */
export class WorkerMetrics {
  readonly #metrics: Metrics;
  readonly #all: AllWorkers;

  constructor(metrics: Metrics, all: AllWorkers) {
    this.#metrics = metrics;
    this.#all = all;
  }

  answered(...request: Parameters<Metrics['answered']>): void {
    this.#metrics.answered(...request);
  }

  /** The metrics of all workers, or of this one if the parent does not answer. Always in the older format. */
  async exposition(): Promise<Exposition> {
    const text = await this.#all.ask('metrics');
    const own = await this.#metrics.exposition();
    return typeof text === 'string' ? { ...own, text } : own;
  }
}
