import {
  type CancelTimer,
  type Clock,
  type Logger,
  type QueueCounts,
  type QueueDepthSample,
  RATES_QUEUES_MAX,
  type RateCounts,
  type RateStore,
  SharedRun,
  StorageError,
  within,
} from '@querator/core';
import type { EngineObserver, ItemEvent } from '../observer.ts';

/** The time between two writes of a process. */
const WRITE_MS = 10_000;
/** How long a stop waits for the last write. */
const STOP_WAIT_MS = 1_000;
/** How long a write waits for what queues hold. */
const SAMPLE_WAIT_MS = 2_000;
/** The most queues whose counts wait. Those of others are left out while the storage fails. */
const MOST_QUEUES = 10_000;

type Counts = { -readonly [Event in keyof RateCounts]: number };

/** Under which name an event is counted. Others are not. */
const COUNTED: Readonly<Partial<Record<ItemEvent, keyof RateCounts>>> = {
  produced: 'produced',
  leased: 'leased',
  completed: 'completed',
  retried: 'retried',
  dead_lettered: 'dead',
  deleted: 'dead',
};

/** What queues hold, as far as that is known soon. Never rejects. */
export type SampleDepths = (queues: readonly string[]) => Promise<ReadonlyMap<string, QueueDepthSample>>;

export interface RateRecorderDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: RateStore;
  /** Asked before each write for the queues that had traffic. */
  readonly depths: SampleDepths;
}

/**
 * Counts what this process does with the items of queues, and adds it to the counts of all
 * processes. A process without traffic writes nothing.
 */
export class RateRecorder {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #store: RateStore;
  readonly #writes = new SharedRun(() => this.#write());
  readonly #depths: SampleDepths;
  #counts = new Map<string, Counts>();
  #cancelTimer: CancelTimer | undefined;
  #hasFailed = false;
  #stopped = false;

  constructor(deps: RateRecorderDeps) {
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#store = deps.store;
    this.#depths = deps.depths;
  }

  /** An observer that counts, and tells another one. */
  observing(other: EngineObserver): EngineObserver {
    return {
      ...other,
      items: (queue, event, count) => {
        this.#count(queue, event, count);
        other.items(queue, event, count);
      },
    };
  }

  /** Writes what has been counted, and waits a second for it at most. Later events are not counted. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    if (this.#counts.size === 0 && this.#writes.isIdle) return;
    await within(this.#clock, STOP_WAIT_MS, this.#writes.start());
  }

  #count(queue: string, event: ItemEvent, count: number): void {
    const name = COUNTED[event];
    if (name === undefined || count === 0 || this.#stopped) return;
    this.#of(queue)[name] += count;
    this.#cancelTimer ??= this.#clock.startTimer(WRITE_MS, () => {
      this.#cancelTimer = undefined;
      void this.#writes.start();
    });
  }

  #of(queue: string): Counts {
    let counts = this.#counts.get(queue);
    if (counts === undefined) {
      counts = { produced: 0, leased: 0, completed: 0, retried: 0, dead: 0 };
      if (this.#counts.size < MOST_QUEUES) this.#counts.set(queue, counts);
    }
    return counts;
  }

  /** Never rejects: nobody waits for these counts. */
  async #write(): Promise<void> {
    const depths = await this.#sampled([...this.#counts.keys()]);
    const all = [...this.#counts].map(([queue, counts]) => ({ queue, ...counts, depth: depths?.get(queue) }));
    this.#counts = new Map();
    for (let from = 0; from < all.length; from += RATES_QUEUES_MAX) {
      const part = all.slice(from, from + RATES_QUEUES_MAX);
      try {
        await this.#store.add(part);
        this.#hasFailed = false;
      } catch (error) {
        // After an unknown outcome they might count twice.
        if (error instanceof StorageError && error.outcome === 'not-applied') this.#keep(all.slice(from));
        if (!this.#hasFailed) this.#logger.info('the rates of queues could not be stored', { err: error });
        this.#hasFailed = true;
        return;
      }
    }
  }

  /** Undefined: not in time. The counts do not wait for longer. */
  #sampled(queues: readonly string[]): Promise<ReadonlyMap<string, QueueDepthSample> | undefined> {
    return this.#stopped
      ? Promise.resolve(undefined)
      : within(this.#clock, SAMPLE_WAIT_MS, this.#depths(queues));
  }

  /** For the next write, which the next event leads to. */
  #keep(counts: readonly QueueCounts[]): void {
    for (const { queue, depth: _, ...more } of counts) {
      const kept = this.#of(queue);
      for (const [name, count] of Object.entries(more)) kept[name as keyof RateCounts] += count;
    }
  }
}
