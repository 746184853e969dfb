import {
  type Clock,
  millisecondsBetween,
  type QueueDepthSample,
  RATE_INTERVAL,
  toMicroseconds,
} from '@querator/core';
import type { CountedQueue, CountOutcome, QueueCounter, QueueSample } from '../sampling/queue-counter.ts';
import type { QueueSampler } from '../sampling/queue-sampler.ts';

/** A sample of the list of queues that is not older is used. */
const FRESH_MS = 30_000;
/** No further count begins after this time: a twentieth of the time between two writes of rates. */
const BUDGET_MS = 500;
/** Queues that are counted together. */
const AT_ONCE = 50;

export interface DepthSamplesDeps {
  readonly clock: Clock;
  readonly counter: Pick<QueueCounter, 'countSmall' | 'countLarge'>;
  readonly sampler: Pick<QueueSampler, 'sample'>;
  /** The queue of that name, if it is active in this process. */
  readonly find: (name: string) => CountedQueue | undefined;
}

/**
 * Samples what queues hold, once in each minute, for their history. Takes what the list of
 * queues knows, or else counts, for a twentieth of the time at most. Queues that had no
 * turn have one after the next write.
 */
export class DepthSamples {
  readonly #deps: DepthSamplesDeps;
  /** The minutes of the last samples, by the names of queues. */
  readonly #minutes = new Map<string, bigint>();
  #isRunning = false;
  #stopped = false;

  constructor(deps: DepthSamplesDeps) {
    this.#deps = deps;
  }

  /** Samples those of the queues that have no sample of this minute, as far as the time allows. Never rejects. */
  async of(names: readonly string[]): Promise<ReadonlyMap<string, QueueDepthSample>> {
    const samples = new Map<string, QueueDepthSample>();
    // A count that hangs must not be joined by others.
    if (this.#isRunning || this.#stopped) return samples;
    this.#isRunning = true;
    try {
      await this.#sample(names, samples);
    } finally {
      this.#isRunning = false;
    }
    return samples;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #sample(names: readonly string[], samples: Map<string, QueueDepthSample>): Promise<void> {
    const { clock, counter, sampler, find } = this.#deps;
    const began = clock.now();
    const minute = began / toMicroseconds(RATE_INTERVAL);
    // Those of earlier minutes need not be remembered: they are due.
    for (const [name, at] of this.#minutes) if (at < minute) this.#minutes.delete(name);
    const note = ({ name }: CountedQueue, outcome: CountOutcome | undefined) => {
      if (typeof outcome !== 'object') return false;
      samples.set(name, depthOf(outcome));
      this.#minutes.set(name, minute);
      return true;
    };
    const due = names.filter((name) => !this.#minutes.has(name)).flatMap((name) => find(name) ?? []);
    const unknown = due.filter((queue) => !note(queue, this.#fresh(sampler.sample(queue))));
    const isOver = () => this.#stopped || millisecondsBetween(began, clock.now()) >= BUDGET_MS;
    const large: CountedQueue[] = [];
    for (let from = 0; from < unknown.length && !isOver(); from += AT_ONCE) {
      const outcomes = await counter.countSmall(unknown.slice(from, from + AT_ONCE));
      for (const [queue, outcome] of outcomes) {
        note(queue, outcome);
        if (outcome === 'large') large.push(queue);
      }
    }
    for (const queue of large) {
      if (isOver()) return;
      note(queue, await counter.countLarge(queue, () => this.#stopped));
    }
  }

  #fresh(sample: QueueSample | undefined): QueueSample | undefined {
    if (sample === undefined) return undefined;
    return millisecondsBetween(sample.countedAt, this.#deps.clock.now()) <= FRESH_MS ? sample : undefined;
  }
}

function depthOf({ waiting, leased, scheduled, headAgeMs }: QueueSample): QueueDepthSample {
  return { waiting, leased, scheduled, headAgeMs };
}
