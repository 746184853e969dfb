import {
  backgroundPauseMs,
  type CancelTimer,
  type Clock,
  type Instant,
  type Logger,
  millisecondsBetween,
  type PartitionStats,
  type StorageBackend,
  toMilliseconds,
} from '@querator/core';
import type { ListedQueue, QueueDirectory } from './queue-directory.ts';

/** What a queue held when it was counted. */
export interface QueueSample {
  readonly waiting: number;
  readonly leased: number;
  readonly scheduled: number;
  /** The age of the oldest waiting item at that time, in milliseconds. */
  readonly headAgeMs: number;
  /** When the count began. */
  readonly countedAt: Instant;
}

export interface QueueSamplerDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly directory: QueueDirectory;
  readonly storages: ReadonlyMap<string, Pick<StorageBackend, 'partitionStore'>>;
  /** Whether a queue was deleted; see `QueueStore.wasDeleted`. */
  readonly wasDeleted: (name: string, createdAt: Instant) => Promise<boolean>;
}

/** The sampler stops this long after the last time that somebody looked. */
const AWAKE_MS = 60_000;
/** How long it works before it pauses. */
const WORK_MS = 25;
/** The shortest pause. */
const SHORTEST_PAUSE_MS = 100;
/** The most queues that are counted between two pauses. */
const MOST_AT_ONCE = 500;
/** A queue is not counted again before this time has passed. */
const FRESH_MS = 2_000;
/** Nor before this many times as long as the count took: one large queue must not use up the time of all. */
const COST_FACTOR = 100;
/** After this time the list of queues is read anew. */
const DIRECTORY_MS = 5_000;
/** And not before this many times as long as reading it took: half of the sampler's time is for counts. */
const DIRECTORY_FACTOR = 40;

interface Sampled {
  readonly createdAt: Instant;
  /** Undefined: the queue could not be counted. */
  sample: QueueSample | undefined;
  /** When the last attempt began, and how long it took. */
  triedAt: Instant;
  tookMs: number;
}

/**
 * Counts all queues, whether they are active or not, while somebody looks. It works for at
 * most a twentieth of the time, one partition after the other. No request waits for it.
 */
export class QueueSampler {
  readonly #deps: QueueSamplerDeps;
  readonly #samples = new Map<string, Sampled>();
  /** The queues that somebody looks at. They are counted as often as all others together. */
  #shown: readonly ListedQueue[] = [];
  #askedAt: Instant | undefined;
  #cancelTimer: CancelTimer | undefined;
  #running: Promise<void> | undefined;
  /** The place of the next queue among all. */
  #next = 0;
  #hasFailed = false;
  #stopped = false;

  constructor(deps: QueueSamplerDeps) {
    this.#deps = deps;
  }

  /** Notes that somebody looks at all queues, and wakes the sampler. */
  looked(): void {
    this.#askedAt = this.#deps.clock.now();
    if (this.#cancelTimer === undefined && this.#running === undefined && !this.#stopped) this.#begin();
  }

  /** Notes which queues somebody sees. */
  shows(queues: readonly ListedQueue[]): void {
    this.#shown = queues;
  }

  /** The last count. Undefined: there is none yet. */
  sample({ name, createdAt }: Pick<ListedQueue, 'name' | 'createdAt'>): QueueSample | undefined {
    const known = this.#samples.get(name);
    return known?.createdAt === createdAt ? known.sample : undefined;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#running;
  }

  #begin(): void {
    this.#cancelTimer = undefined;
    this.#running = this.#work().finally(() => {
      this.#running = undefined;
    });
  }

  async #work(): Promise<void> {
    const { clock, directory } = this.#deps;
    const began = clock.now();
    try {
      const maxAgeMs = Math.max(DIRECTORY_MS, DIRECTORY_FACTOR * directory.tookMs);
      if (directory.ageMs > maxAgeMs) this.#forgetMissing(await directory.refresh());
    } catch (error) {
      this.#failed(error);
    }
    await this.#sampleSome();
    if (this.#stopped) return;
    if (this.#askedAt === undefined || this.#sinceMs(this.#askedAt) >= AWAKE_MS) {
      this.#sleep();
      return;
    }
    const pauseMs = Math.max(backgroundPauseMs(this.#sinceMs(began)), SHORTEST_PAUSE_MS);
    this.#cancelTimer = clock.startTimer(pauseMs, () => this.#begin());
  }

  /** Who does not look does not pay, with memory either. */
  #sleep(): void {
    this.#samples.clear();
    this.#shown = [];
    this.#deps.directory.forget();
  }

  /** Counts queues that somebody sees and others in turn, until the time is up or no count is due. */
  async #sampleSome(): Promise<void> {
    const began = this.#deps.clock.now();
    const shown = this.#shown.filter((queue) => this.#isDue(queue))[Symbol.iterator]();
    const others = this.#dueInOrder();
    for (let count = 0; count < MOST_AT_ONCE && this.#sinceMs(began) < WORK_MS && !this.#stopped; ) {
      const both = [shown.next(), others.next()].flatMap(({ value, done }) => (done ? [] : [value]));
      if (both.length === 0) return;
      for (const queue of both) {
        if (this.#isDue(queue)) await this.#count(queue);
        count++;
      }
    }
  }

  /** One round over all queues, from the one after the last. */
  *#dueInOrder(): Generator<ListedQueue, undefined> {
    const { known } = this.#deps.directory;
    for (let seen = 0; seen < known.length; seen++) {
      this.#next = (this.#next + 1) % known.length;
      const queue = known[this.#next];
      if (queue !== undefined && this.#isDue(queue)) yield queue;
    }
    return undefined;
  }

  #isDue({ name, createdAt }: ListedQueue): boolean {
    const known = this.#samples.get(name);
    if (known === undefined || known.createdAt !== createdAt) return true;
    return this.#sinceMs(known.triedAt) >= Math.max(FRESH_MS, COST_FACTOR * known.tookMs);
  }

  /** Never rejects: the queue keeps its last count, and the others have their turns. */
  async #count(queue: ListedQueue): Promise<void> {
    const { clock } = this.#deps;
    const { name, createdAt } = queue;
    const known = this.#samples.get(name);
    const before = known?.createdAt === createdAt ? known.sample : undefined;
    const sampled: Sampled = { createdAt, sample: before, triedAt: clock.now(), tookMs: 0 };
    try {
      sampled.sample = await this.#counted(queue, sampled.triedAt);
      this.#hasFailed = false;
    } catch (error) {
      this.#failed(error);
    }
    sampled.tookMs = this.#sinceMs(sampled.triedAt);
    this.#samples.set(name, sampled);
  }

  #failed(error: unknown): void {
    const { logger } = this.#deps;
    if (!this.#hasFailed) logger.info('queues could not be counted for their list', { err: error });
    this.#hasFailed = true;
  }

  /** Undefined: a storage is not configured, so the sum would be wrong. @throws StorageError */
  async #counted(queue: ListedQueue, countedAt: Instant): Promise<QueueSample | undefined> {
    const sum = { waiting: 0, leased: 0, scheduled: 0, headAgeMs: 0, countedAt };
    for (const [partition, storageName] of queue.storages.entries()) {
      const stats = await this.#statsOf(queue, partition, storageName);
      if (stats === undefined || this.#stopped) return undefined;
      sum.waiting += stats.waiting;
      sum.leased += stats.leased;
      sum.scheduled += stats.scheduled;
      sum.headAgeMs = Math.max(sum.headAgeMs, toMilliseconds(stats.headAge));
    }
    return sum;
  }

  async #statsOf(
    { name, createdAt }: ListedQueue,
    partition: number,
    storageName: string,
  ): Promise<PartitionStats | undefined> {
    const backend = this.#deps.storages.get(storageName);
    const owner = {
      createdAt,
      // Nothing is created, so nothing has to be removed again.
      isThere: async () => true,
      wasDeleted: (at: Instant) => this.#deps.wasDeleted(name, at),
    };
    return backend?.partitionStore({ queue: name, partition }, owner).stats({ createNothing: true });
  }

  #forgetMissing(queues: readonly ListedQueue[]): void {
    const names = new Set(queues.map(({ name }) => name));
    for (const name of this.#samples.keys()) if (!names.has(name)) this.#samples.delete(name);
  }

  #sinceMs(instant: Instant): number {
    return millisecondsBetween(instant, this.#deps.clock.now());
  }
}
