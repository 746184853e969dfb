import {
  backgroundPauseMs,
  type Clock,
  type Instant,
  millisecondsBetween,
  UNSET_INSTANT,
} from '@querator/core';
import { BatchSize } from './batch-size.ts';
import type { CountOutcome, QueueCounter, QueueSample } from './queue-counter.ts';
import type { ListedQueue, QueueDirectory } from './queue-directory.ts';
import { ShownQueues } from './shown-queues.ts';
import { WorkTurns } from './work-turns.ts';

export interface QueueSamplerDeps {
  readonly clock: Clock;
  readonly directory: QueueDirectory;
  readonly counter: QueueCounter;
}

/** The sampler stops this long after the last time that somebody looked. */
const AWAKE_MS = 60_000;
/** How long a turn works before it pauses. */
const WORK_MS = 25;
/** The shortest pause. */
const SHORTEST_PAUSE_MS = 100;
/** The most queues that are counted between two pauses. */
const MOST_AT_ONCE = 500;
/** A queue is not counted again before this time has passed. */
const FRESH_MS = 2_000;
/** Nor before this many times as long as the count took: one queue must not use up the time of all. */
const COST_FACTOR = 100;
/** After this time the list of queues is read anew. */
const DIRECTORY_MS = 5_000;
/** And not before this many times as long as reading it took: half of the sampler's time is for counts. */
const DIRECTORY_FACTOR = 40;
/** A queue that was counted by itself, and has fewer items, may have become small. */
const FEW_ITEMS = 5_000;

interface Sampled {
  readonly createdAt: Instant;
  /** Undefined: the queue could not be counted. */
  readonly sample: QueueSample | undefined;
  /** When the last attempt began, and how long it took. */
  readonly triedAt: Instant;
  readonly tookMs: number;
  /** Whether it has to be counted by itself. */
  readonly isLarge: boolean;
}

/**
 * Counts all queues, whether they are active or not, while somebody looks. No request
 * waits for it. Small queues are counted many at a time, large ones by themselves in turns
 * of their own, so that small ones need not wait for them. All of it takes at most a
 * twentieth of the time.
 */
export class QueueSampler {
  readonly #deps: QueueSamplerDeps;
  readonly #samples = new Map<string, Sampled>();
  readonly #shown: ShownQueues;
  readonly #smallTurns: WorkTurns;
  readonly #largeTurns: WorkTurns;
  readonly #batch = new BatchSize({ workMs: WORK_MS, most: MOST_AT_ONCE });
  #large = 0;
  #askedAt: Instant | undefined;
  /** The place of the next queue among all, and among all again for large ones. */
  #next = 0;
  #nextLarge = 0;
  #stopped = false;

  constructor(deps: QueueSamplerDeps) {
    const { clock } = deps;
    this.#deps = deps;
    this.#shown = new ShownQueues(clock);
    this.#smallTurns = new WorkTurns({
      clock,
      work: () => this.#sampleSmall(),
      pauseMs: (tookMs) => this.#pauseMs(tookMs, this.#large > 0),
    });
    this.#largeTurns = new WorkTurns({
      clock,
      work: () => this.#sampleLarge(),
      pauseMs: (tookMs) => {
        const pauseMs = this.#pauseMs(tookMs, true);
        return this.#large > 0 ? pauseMs : undefined;
      },
    });
  }

  /** Notes that somebody looks at all queues, and wakes the sampler. */
  looked(): void {
    this.#askedAt = this.#deps.clock.now();
    this.#smallTurns.start();
  }

  /** Notes which queues somebody sees. They are counted first, and as often as all others together. */
  shows(queues: readonly ListedQueue[]): void {
    this.#shown.add(queues);
  }

  /** The last count. Undefined: there is none yet. */
  sample(queue: Pick<ListedQueue, 'name' | 'createdAt'>): QueueSample | undefined {
    return this.#known(queue)?.sample;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#smallTurns.stop(), this.#largeTurns.stop()]);
  }

  /** @param shared whether both kinds of turns work: each has half of the time then. */
  #pauseMs(tookMs: number, shared: boolean): number | undefined {
    if (this.#askedAt === undefined || this.#sinceMs(this.#askedAt) >= AWAKE_MS) {
      this.#sleep();
      return undefined;
    }
    const busyMs = shared ? 2 * tookMs : tookMs;
    return Math.max(backgroundPauseMs(busyMs) + busyMs - tookMs, SHORTEST_PAUSE_MS);
  }

  /** Who does not look does not pay, with memory either. */
  #sleep(): void {
    this.#samples.clear();
    this.#large = 0;
    this.#shown.clear();
    this.#deps.directory.forget();
  }

  async #sampleSmall(): Promise<void> {
    await this.#readDirectory();
    if (this.#stopped) return;
    const queues = this.#nextSmall();
    if (queues.length === 0) return;
    const triedAt = this.#deps.clock.now();
    const outcomes = await this.#deps.counter.countSmall(queues);
    const tookMs = this.#sinceMs(triedAt);
    const eachMs = tookMs / queues.length;
    for (const [queue, outcome] of outcomes) this.#note(queue, outcome, { triedAt, tookMs: eachMs });
    this.#batch.took(queues.length, tookMs);
    if (this.#large > 0) this.#largeTurns.start();
  }

  async #readDirectory(): Promise<void> {
    const { directory, counter } = this.#deps;
    try {
      const maxAgeMs = Math.max(DIRECTORY_MS, DIRECTORY_FACTOR * directory.tookMs);
      if (directory.ageMs > maxAgeMs) this.#forgetMissing(await directory.refresh());
    } catch (error) {
      counter.failed('', error);
    }
  }

  /** Those that somebody sees and that have no count, then as many that somebody sees as others. */
  #nextSmall(): readonly ListedQueue[] {
    const atOnce = this.#batch.size;
    const shown = this.#shown.current().filter((queue) => this.#isDue(queue, false));
    const isNew = (queue: ListedQueue) => this.#known(queue) === undefined;
    const chosen = new Set(shown.filter(isNew).slice(0, atOnce));
    for (const queue of shown) if (chosen.size < atOnce / 2) chosen.add(queue);
    const others = this.#dueInOrder(false);
    while (chosen.size < atOnce) {
      const { value, done } = others.next();
      if (done) break;
      chosen.add(value);
    }
    for (const queue of shown) if (chosen.size < atOnce) chosen.add(queue);
    return [...chosen];
  }

  /** Counts large queues that somebody sees and others in turn, until the time is up or no count is due. */
  async #sampleLarge(): Promise<void> {
    const began = this.#deps.clock.now();
    const shown = this.#shown.current()[Symbol.iterator]();
    const others = this.#dueInOrder(true);
    for (let count = 0; count < MOST_AT_ONCE && this.#sinceMs(began) < WORK_MS && !this.#stopped; ) {
      const both = [shown.next(), others.next()].flatMap(({ value, done }) => (done ? [] : [value]));
      if (both.length === 0) return;
      for (const queue of both) {
        if (!this.#isDue(queue, true) || this.#stopped) continue;
        await this.#countLarge(queue);
        count++;
      }
    }
  }

  async #countLarge(queue: ListedQueue): Promise<void> {
    const triedAt = this.#deps.clock.now();
    const outcome = await this.#deps.counter.countLarge(queue, () => this.#stopped);
    if (!this.#stopped) this.#note(queue, outcome, { triedAt, tookMs: this.#sinceMs(triedAt) });
  }

  #note(
    queue: ListedQueue,
    outcome: CountOutcome,
    { triedAt, tookMs }: { readonly triedAt: Instant; readonly tookMs: number },
  ): void {
    const { name, createdAt } = queue;
    const known = this.#known(queue);
    if (typeof outcome === 'object') {
      const isLarge = known?.isLarge === true && (outcome.estimated || itemsOf(outcome) >= FEW_ITEMS);
      this.#put(name, { createdAt, sample: outcome, triedAt, tookMs, isLarge });
    } else if (outcome === 'large') {
      this.#put(name, {
        ...{ createdAt, sample: known?.sample },
        triedAt: UNSET_INSTANT,
        tookMs: 0,
        isLarge: true,
      });
    } else {
      const sample = outcome === 'failed' ? known?.sample : undefined;
      this.#put(name, { createdAt, sample, triedAt, tookMs, isLarge: known?.isLarge === true });
    }
  }

  #put(name: string, sampled: Sampled): void {
    this.#remove(name);
    this.#samples.set(name, sampled);
    if (sampled.isLarge) this.#large++;
  }

  #remove(name: string): void {
    if (this.#samples.get(name)?.isLarge === true) this.#large--;
    this.#samples.delete(name);
  }

  /** One round over all queues, from the one after the last. */
  *#dueInOrder(isLarge: boolean): Generator<ListedQueue, undefined> {
    const { known } = this.#deps.directory;
    for (let seen = 0; seen < known.length; seen++) {
      const place = ((isLarge ? this.#nextLarge : this.#next) + 1) % known.length;
      if (isLarge) this.#nextLarge = place;
      else this.#next = place;
      const queue = known[place];
      if (queue !== undefined && this.#isDue(queue, isLarge)) yield queue;
    }
    return undefined;
  }

  #known({ name, createdAt }: Pick<ListedQueue, 'name' | 'createdAt'>): Sampled | undefined {
    const known = this.#samples.get(name);
    return known?.createdAt === createdAt ? known : undefined;
  }

  #isDue(queue: ListedQueue, isLarge: boolean): boolean {
    const known = this.#known(queue);
    if ((known?.isLarge ?? false) !== isLarge) return false;
    return (
      known === undefined || this.#sinceMs(known.triedAt) >= Math.max(FRESH_MS, COST_FACTOR * known.tookMs)
    );
  }

  #forgetMissing(queues: readonly ListedQueue[]): void {
    const names = new Set(queues.map(({ name }) => name));
    for (const name of this.#samples.keys()) if (!names.has(name)) this.#remove(name);
  }

  #sinceMs(instant: Instant): number {
    return millisecondsBetween(instant, this.#deps.clock.now());
  }
}

function itemsOf({ waiting, leased, scheduled }: QueueSample): number {
  return waiting + leased + scheduled;
}
