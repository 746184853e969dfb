import type { BatchOperation, EngineObserver, ItemEvent, ScheduleEvent } from '@querator/engine';
import { Counter, Histogram, type Registry } from 'prom-client';
import type { QueueLabels } from './queue-labels.ts';

/** From one item to the largest statement. */
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];

const SCHEDULE_EVENTS: readonly ScheduleEvent[] = ['fired', 'missed', 'failed'];

/** Counts items by what the engine did with them. */
export class ItemMetrics implements EngineObserver {
  readonly #items: Counter<'queue' | 'event'>;
  readonly #batchItems: Histogram<'operation'>;
  readonly #batchRequests: Histogram<'operation'>;
  readonly #schedules: Counter<'event'>;
  readonly #labels: QueueLabels;

  constructor(registry: Registry, labels: QueueLabels) {
    const registers = [registry];
    this.#labels = labels;
    this.#items = new Counter({
      name: 'querator_items_total',
      help: 'Items by what became of them: produced, leased, released, completed, retried, extended, expired, enqueued, dead_lettered, transferred, deleted',
      labelNames: ['queue', 'event'],
      registers,
    });
    this.#batchItems = new Histogram({
      name: 'querator_batch_items',
      help: 'Items that went to storage in one call',
      labelNames: ['operation'],
      buckets: SIZES,
      registers,
    });
    this.#batchRequests = new Histogram({
      name: 'querator_batch_requests',
      help: 'Requests that went to storage in one call',
      labelNames: ['operation'],
      buckets: SIZES,
      registers,
    });
    this.#schedules = new Counter({
      name: 'querator_schedules_total',
      help: 'Times of schedules by what became of them: fired, missed, and failed attempts, each of which is repeated',
      labelNames: ['event'],
      registers,
    });
    // Prometheus does not see a rise to the first value of a series.
    for (const event of SCHEDULE_EVENTS) this.#schedules.inc({ event }, 0);
  }

  items(queue: string, event: ItemEvent, count: number): void {
    if (count > 0) this.#items.inc({ queue: this.#labels.of(queue), event }, count);
  }

  batch(operation: BatchOperation, { requests, items }: { requests: number; items: number }): void {
    this.#batchRequests.observe({ operation }, requests);
    this.#batchItems.observe({ operation }, items);
  }

  schedules(event: ScheduleEvent, count: number): void {
    this.#schedules.inc({ event }, count);
  }

  /** Removes the series of a queue that does not run any more. */
  async remove(queue: string): Promise<void> {
    const { values } = await this.#items.get();
    for (const { labels } of values) if (labels.queue === queue) this.#items.remove(labels);
  }
}
