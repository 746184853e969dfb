import { type Clock, type Instant, millisecondsBetween } from '@querator/core';
import type { QueueDepth, Service } from '@querator/engine';
import { Gauge, type Registry } from 'prom-client';
import { BackgroundSampler } from './background-sampler.ts';
import type { QueueLabels } from './queue-labels.ts';

/** The dependencies of the gauges. */
export interface QueueDepthDeps {
  readonly clock: Clock;
  readonly service: Pick<Service, 'waiting' | 'depth'>;
  readonly labels: QueueLabels;
}

/** The contents of a queue at a time. */
interface Sample extends QueueDepth {
  readonly at: Instant;
}

/**
 * Gauges of the contents of queues. A count may read whole tables, so a scrape
 * gets the last count and never waits. The background sampler counts one queue
 * after the other, as long as scrapes come.
 */
export class QueueDepthMetrics {
  readonly #deps: QueueDepthDeps;
  readonly #items: Gauge<'queue' | 'state'>;
  readonly #headAge: Gauge<'queue'>;
  readonly #uncounted: Gauge<'queue'>;
  readonly #countAge: Gauge<'queue'>;
  #depths: ReadonlyMap<string, Sample> = new Map();
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
    this.#countAge = new Gauge({
      name: 'querator_queue_items_age_seconds',
      help: 'How long ago the partitions of a queue were counted, of the oldest of its counts',
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

  /** Publishes the last counts for a scrape, and counts again once the pause is over. */
  scraped(): void {
    this.#publish();
    this.#sampler.scraped();
  }

  /** Stops counting. */
  stop(): void {
    this.#sampler.stop();
  }

  async #count(stopped: () => boolean): Promise<void> {
    const { service, clock } = this.#deps;
    const depths = new Map<string, Sample>();
    for (const queue of service.waiting().keys()) {
      if (stopped()) return;
      const depth = await service.depth(queue);
      if (depth !== undefined) depths.set(queue, { ...depth, at: clock.now() });
    }
    this.#depths = depths;
  }

  /** Queues that share a label are added up. Of their ages, the greatest is published. */
  #publish(): void {
    for (const gauge of [this.#items, this.#headAge, this.#uncounted, this.#countAge]) gauge.reset();
    const { service, clock, labels } = this.#deps;
    const running = service.waiting();
    const now = clock.now();
    const headAges = new Map<string, number>();
    const countAges = new Map<string, number>();
    for (const [name, depth] of this.#depths) {
      if (!running.has(name)) continue;
      const queue = labels.of(name);
      this.#items.inc({ queue, state: 'waiting' }, depth.waiting);
      this.#items.inc({ queue, state: 'leased' }, depth.leased);
      this.#items.inc({ queue, state: 'scheduled' }, depth.scheduled);
      this.#uncounted.inc({ queue }, depth.uncounted);
      raise(headAges, queue, depth.headAgeMs);
      raise(countAges, queue, depth.countAgeMs + millisecondsBetween(depth.at, now));
    }
    for (const [queue, ageMs] of headAges) this.#headAge.set({ queue }, ageMs / 1_000);
    for (const [queue, ageMs] of countAges) this.#countAge.set({ queue }, ageMs / 1_000);
  }
}

function raise(greatest: Map<string, number>, key: string, value: number): void {
  greatest.set(key, Math.max(greatest.get(key) ?? 0, value));
}
