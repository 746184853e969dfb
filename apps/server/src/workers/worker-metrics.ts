import process from 'node:process';
import type { Clock } from '@querator/core';
import type { Metrics } from '../observability/metrics.ts';
import { isMessage, type Message, send } from './messages.ts';

/** If the parent takes longer than this, a worker answers a scrape with its own metrics only. */
const SCRAPE_TIMEOUT_MS = 5_000;

type Exposition = Awaited<ReturnType<Metrics['exposition']>>;

/**
 * The metrics in a worker. A scrape reaches one worker, and gets the metrics of
 * all of them, each with the label `worker`.
 */
export class WorkerMetrics {
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #scrapes = new Map<number, (text: string) => void>();
  #next = 0;

  constructor(metrics: Metrics, clock: Clock) {
    this.#metrics = metrics;
    this.#clock = clock;
    process.on('message', (value) => {
      if (isMessage(value)) void this.#receive(value);
    });
  }

  answered(path: string, code: number, seconds: number): void {
    this.#metrics.answered(path, code, seconds);
  }

  /** The metrics of all workers, or of this one if the parent does not answer. */
  async exposition(): Promise<Exposition> {
    const id = this.#next++;
    const text = await new Promise<string | undefined>((resolve) => {
      const cancel = this.#clock.startTimer(SCRAPE_TIMEOUT_MS, () => resolve(undefined));
      this.#scrapes.set(id, (all) => {
        cancel();
        resolve(all);
      });
      send({ type: 'querator:scrape', id });
    });
    this.#scrapes.delete(id);
    const own = await this.#metrics.exposition();
    return text === undefined ? own : { ...own, text };
  }

  async #receive(message: Message): Promise<void> {
    if (message.type === 'querator:scraped') this.#scrapes.get(message.id)?.(message.text);
    if (message.type === 'querator:collect') {
      send({ type: 'querator:collected', id: message.id, metrics: await this.#metrics.values() });
    }
  }
}
