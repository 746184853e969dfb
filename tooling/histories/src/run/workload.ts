import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@querator/core/testing';
import type { Given } from '../history/history.ts';
import type { QueueCalls } from '../history/queue-calls.ts';
import type { RecordedCalls, Recorder } from '../history/recorder.ts';
import { spreadSeed } from './spread-seed.ts';

/** What clients do. */
export interface WorkloadOptions {
  readonly seed: number;
  readonly producers: number;
  readonly consumers: number;
  /** Items in a produce, and in a lease, at most. */
  readonly batch: number;
  readonly leaseTimeoutMs: number;
  /** Producers keep about so many items in the queue that nobody has got yet. */
  readonly backlog: number;
  /** How long a consumer thinks between two calls, at most. */
  readonly thinkMs: number;
  /** The same for a producer. */
  readonly producerThinkMs: number;
  /** How often the queue is cleared: the chance per produce. */
  readonly clears: number;
}

/** How clients reach the servers. A new set for each client: no two share a connection. */
export type Connect = () => readonly QueueCalls[];

/** How long a client waits before it calls again a server that did not answer well. */
const AFTER_FAILURE_MS = 30;
/** What nobody gets in that time is perhaps gone, and producers do not wait for it for ever. */
const LOST_AFTER_MS = 1_500;

/**
 * Producers and consumers that do all that clients may do: complete, give
 * back for now, for later or for good, forget, and come too late, each call
 * at a server chosen by chance.
 */
export class Workload {
  readonly #recorder: Recorder;
  readonly #connect: Connect;
  readonly #options: WorkloadOptions;
  readonly #producers: Promise<void>[] = [];
  readonly #consumers: Promise<void>[] = [];
  /** Items that were sent off, and that nobody has got so far. */
  readonly #waiting = new Set<string>();
  #items = 0;
  #producing = true;
  #consuming = true;

  constructor(recorder: Recorder, connect: Connect, options: WorkloadOptions) {
    this.#recorder = recorder;
    this.#connect = connect;
    this.#options = options;
  }

  /** Sets all clients going. */
  start(): void {
    const { seed, producers, consumers } = this.#options;
    for (let n = 0; n < producers; n++) {
      this.#producers.push(this.#produce(this.#client(`p${n}`), new SeededRandom(spreadSeed(seed, 100 + n))));
    }
    for (let n = 0; n < consumers; n++) {
      this.#consumers.push(this.#consume(this.#client(`c${n}`), new SeededRandom(spreadSeed(seed, 200 + n))));
    }
    // `stop` throws it; until then it must not end the process, and what was recorded with it.
    for (const client of [...this.#producers, ...this.#consumers]) client.catch(() => {});
  }

  /**
   * Lets all clients finish what they are about; consumers first, so that none of them waits in vain.
   *
   * @throws what one of them met that no client is told, when all have ended.
   */
  async stop(): Promise<void> {
    this.#consuming = false;
    const consumers = await Promise.allSettled(this.#consumers);
    this.#producing = false;
    const producers = await Promise.allSettled(this.#producers);
    const failed = [...consumers, ...producers].find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #client(name: string): readonly RecordedCalls[] {
    return this.#connect().map((calls, instance) => this.#recorder.client(name, instance, calls));
  }

  async #produce(servers: readonly RecordedCalls[], random: SeededRandom): Promise<void> {
    const { batch, clears } = this.#options;
    for (;;) {
      await this.#untilWanted();
      if (!this.#producing) return;
      const server = oneOf(servers, random);
      if (random.fraction() < clears) {
        await server.clear(random.fraction() < 0.5);
        this.#waiting.clear();
      }
      const items = Array.from(
        { length: 1 + Math.floor(random.fraction() * batch) },
        () => `i${this.#items++}`,
      );
      // Only here and there: each leaves a hole in what is known of the order.
      const delayMs = random.fraction() < 0.03 ? 250 + random.fraction() * 500 : 0;
      if (delayMs === 0) for (const item of items) this.#waiting.add(item);
      const outcome = await server.produce(items, delayMs);
      if (outcome !== 'ok') for (const item of items) this.#waiting.delete(item);
      await this.#think(random, outcome !== 'ok', this.#options.producerThinkMs);
    }
  }

  /** Until a producer is to go on. */
  async #untilWanted(): Promise<void> {
    const since = this.#recorder.now();
    while (this.#producing && this.#waiting.size >= this.#options.backlog) {
      await delay(1);
      if (this.#recorder.now() - since > LOST_AFTER_MS) this.#waiting.clear();
    }
  }

  async #consume(servers: readonly RecordedCalls[], random: SeededRandom): Promise<void> {
    while (this.#consuming) {
      const limit = 1 + Math.floor(random.fraction() * this.#options.batch);
      const { outcome, partition, given } = await oneOf(servers, random).lease(limit);
      for (const { item } of given) this.#waiting.delete(item);
      if (given.length > 0) await this.#settle(oneOf(servers, random), partition, given, random);
      await this.#think(random, outcome !== 'ok', this.#options.thinkMs);
    }
  }

  async #settle(
    server: RecordedCalls,
    partition: number,
    given: readonly Given[],
    random: SeededRandom,
  ): Promise<void> {
    const ids = given.map(({ id }) => id);
    const luck = random.fraction();
    if (luck < 0.03) return;
    if (luck < 0.06) await delay(this.#options.leaseTimeoutMs * (0.8 + random.fraction() * 0.6));
    if (luck >= 0.06 && luck < 0.16) {
      const some = ids.splice(0, Math.ceil(ids.length * random.fraction()));
      const delayMs = random.fraction() < 0.3 ? 250 + random.fraction() * 500 : 0;
      const dead = delayMs === 0 && random.fraction() < 0.2;
      if (some.length > 0) await server.retry(partition, some, { delayMs, dead });
    }
    if (luck >= 0.16 && luck < 0.2 && ids.length > 1) {
      // Half of them twice: the second request is refused as a whole, and must not touch the other half.
      const half = ids.slice(0, Math.floor(ids.length / 2));
      await server.complete(partition, half);
      await server.complete(partition, ids);
      ids.splice(0, half.length);
    }
    if (ids.length > 0) await server.complete(partition, ids);
    // Now and then someone completes once more, which must not do any harm.
    if (luck > 0.98 && ids.length > 0) await server.complete(partition, ids);
  }

  async #think(random: SeededRandom, failed: boolean, thinkMs: number): Promise<void> {
    const pause = failed ? AFTER_FAILURE_MS : random.fraction() * thinkMs;
    if (pause >= 0.5) await delay(pause);
  }
}

function oneOf<T>(all: readonly T[], random: SeededRandom): T {
  return all[Math.floor(random.fraction() * all.length)] as T;
}
