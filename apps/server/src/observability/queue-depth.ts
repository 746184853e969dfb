import type { Clock } from '@querator/core';
import type { QueueDepth, Service } from '@querator/engine';
import { Gauge, type Registry } from 'prom-client';
import { BackgroundSampler } from './background-sampler.ts';
import type { QueueLabels } from './queue-labels.ts';

/** What the sampler works with. */
export interface QueueDepthDeps {
  readonly clock: Clock;
  readonly service: Pick<Service, 'waiting' | 'depth'>;
  readonly labels: QueueLabels;
}

/**
 * Gauges of what queues hold. Counting may read whole tables, so a scrape gets
 * the last count and never waits for one; it is made in the background, one
 * queue after the other, while somebody scrapes.
 */
export class QueueDepthMetrics {
  readonly #deps: QueueDepthDeps;
  readonly #items: Gauge<'queue' | 'state'>;
  readonly #headAge: Gauge<'queue'>;
  readonly #uncounted: Gauge<'queue'>;
  #depths: ReadonlyMap<string, QueueDepth> = new Map();
  readonly #sampler: BackgroundSampler;

  constructor(registry: Registry, deps: QueueDepthDeps) {
    const registers = [registry];
    this.#deps = deps;
    this.#items = new Gauge({
      name: 'querator_queue_items',
      help: 'Items in a queue by state: waiting, leased, scheduled; as of the last count',
      labelNames: ['queue', 'state'],
      registers,
    });
    this.#headAge = new Gauge({
      name: 'querator_queue_head_age_seconds',
      help: 'Age of the item that has waited longest for a consumer; 0 when none waits',
      labelNames: ['queue'],
      registers,
    });
    this.#uncounted = new Gauge({
      name: 'querator_queue_uncounted_partitions',
      help: 'Partitions of a queue that could not be counted',
      labelNames: ['queue'],
      registers,
    });
    const sampler = new BackgroundSampler({
      clock: deps.clock,
      sample: (stopped) => this.#count(stopped),
    });
    this.#sampler = sampler;
    new Gauge({
      name: 'querator_queue_count_age_seconds',
      help: 'How long ago queues were counted; -1 when they were not yet',
      registers,
      collect() {
        this.set(sampler.ageSeconds ?? -1);
      },
    });
  }

  /** Somebody scrapes: counts again, when it is time. */
  scraped(): void {
    this.#publish();
    this.#sampler.scraped();
  }

  /** Counts no more. */
  stop(): void {
    this.#sampler.stop();
  }

  async #count(stopped: () => boolean): Promise<void> {
    const { service } = this.#deps;
    const depths = new Map<string, QueueDepth>();
    for (const queue of service.waiting().keys()) {
      if (stopped()) return;
      const depth = await service.depth(queue);
      if (depth !== undefined) depths.set(queue, depth);
    }
    this.#depths = depths;
  }

  /** Queues that share a label are added up. */
  #publish(): void {
    for (const gauge of [this.#items, this.#headAge, this.#uncounted]) gauge.reset();
    const running = this.#deps.service.waiting();
    const oldest = new Map<string, number>();
    for (const [name, depth] of this.#depths) {
      if (!running.has(name)) continue;
      const queue = this.#deps.labels.of(name);
      this.#items.inc({ queue, state: 'waiting' }, depth.waiting);
      this.#items.inc({ queue, state: 'leased' }, depth.leased);
      this.#items.inc({ queue, state: 'scheduled' }, depth.scheduled);
      this.#uncounted.inc({ queue }, depth.uncounted);
      oldest.set(queue, Math.max(oldest.get(queue) ?? 0, depth.headAgeMs));
    }
    for (const [queue, ageMs] of oldest) this.#headAge.set({ queue }, ageMs / 1_000);
  }
}
