import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@querator/core/testing';
import type { Given, Outcome } from '../history/history.ts';
import type { LetterCalls } from '../history/letter-calls.ts';
import type { OutboxCalls } from '../history/outbox-calls.ts';
import type { QueueCalls } from '../history/queue-calls.ts';
import { RecordedLetters } from '../history/recorded-letters.ts';
import { RecordedTransactions } from '../history/recorded-transactions.ts';
import type { RecordedCalls, Recorder } from '../history/recorder.ts';
import { oneOf } from './one-of.ts';
import { Redriver } from './redriver.ts';
import { spreadSeed } from './spread-seed.ts';

/** The options of a workload. */
export interface WorkloadOptions {
  readonly seed: number;
  readonly producers: number;
  readonly consumers: number;
  /** The most items of a produce, and of a lease. */
  readonly batch: number;
  readonly leaseTimeoutMs: number;
  /** The approximate number of undelivered items that producers maintain. */
  readonly backlog: number;
  /** The longest pause of a consumer between two calls. */
  readonly thinkMs: number;
  /** The same for a producer. */
  readonly producerThinkMs: number;
  /** The probability of a clear per produce. */
  readonly clears: number;
  /** Connects one more client to an outbox. Undefined, or returns undefined: there is none. */
  readonly transactions?: () => OutboxCalls | undefined;
  /** The dead-letter queue. Undefined: there is none. */
  readonly deadLetters?: DeadLetters | undefined;
}

/** A dead-letter queue on all servers. */
export interface DeadLetters {
  readonly operator: () => readonly LetterCalls[];
  readonly consumer: Connect;
  /** How many tasks delete letters. */
  readonly deletes: number;
}

/** The longest time from a call to the time for which it schedules an item. */
export const LONGEST_SCHEDULE_MS = 750;

/** Makes the connections of a client to all servers. Clients do not share connections. */
export type Connect = () => readonly QueueCalls[];

/** The pause of a client after a failed call. */
const AFTER_FAILURE_MS = 30;
/** How often a request with a dedup key is sent in all. */
const MOST_ATTEMPTS = 8;
/** Producers stop waiting for items that are not delivered in this time; they may be lost. */
const LOST_AFTER_MS = 1_500;
/** Clients that write into the outbox. */
const OUTBOX_CLIENTS = 3;

/**
 * Producers and consumers that use all calls: they complete, give back at once,
 * later or as dead, extend leases, forget items, and settle too late, each call at a
 * random server.
 *
 * The load of `@querator/tooling-load` judges each reply as it arrives. This one calls
 * a service in process too, and records all calls with their times for the checker.
 */
export class Workload {
  readonly #recorder: Recorder;
  readonly #connect: Connect;
  readonly #options: WorkloadOptions;
  readonly #producers: Promise<void>[] = [];
  readonly #consumers: Promise<void>[] = [];
  #redriver: Redriver | undefined;
  /** Produced items that are not delivered yet. */
  readonly #waiting = new Set<string>();
  #items = 0;
  #producing = true;
  #consuming = true;

  constructor(recorder: Recorder, connect: Connect, options: WorkloadOptions) {
    this.#recorder = recorder;
    this.#connect = connect;
    this.#options = options;
  }

  /** Starts all clients. */
  start(): void {
    const { seed, producers, consumers, deadLetters, leaseTimeoutMs } = this.#options;
    for (let n = 0; n < producers; n++) {
      const random = new SeededRandom(spreadSeed(seed, 100 + n));
      // Every second one uses dedup keys, and sends some requests from a second place at the same time.
      const again = n % 2 === 1 ? this.#client(`p${n}-again`) : undefined;
      this.#producers.push(this.#produce(this.#client(`p${n}`), again, random));
    }
    for (let n = 0; n < consumers; n++) {
      this.#consumers.push(this.#consume(this.#client(`c${n}`), new SeededRandom(spreadSeed(seed, 200 + n))));
    }
    if (deadLetters !== undefined) {
      const name = 'redriver';
      this.#redriver = new Redriver({
        letters: new RecordedLetters(this.#recorder, name, deadLetters.operator()),
        consumer: deadLetters
          .consumer()
          .map((calls, instance) => this.#recorder.client(name, instance, calls, 'dead')),
        ...{ random: new SeededRandom(spreadSeed(seed, 500)), leaseTimeoutMs },
        deletes: deadLetters.deletes,
      });
      this.#consumers.push(this.#redriver.run());
    }
    for (let n = 0; n < OUTBOX_CLIENTS; n++) {
      const transactions = this.#options.transactions?.();
      if (transactions === undefined) break;
      const client = new RecordedTransactions(this.#recorder, `o${n}`, transactions);
      this.#producers.push(this.#transact(client, new SeededRandom(spreadSeed(seed, 400 + n))));
    }
    // `stop` throws the error. Until then it must not end the process, which would lose the record.
    for (const client of [...this.#producers, ...this.#consumers]) client.catch(() => {});
  }

  /**
   * Lets all clients finish, consumers first, so that none of them waits in vain.
   *
   * @throws the first error that no client should get, after all have ended.
   */
  async stop(): Promise<void> {
    this.#consuming = false;
    this.#redriver?.stop();
    const consumers = await Promise.allSettled(this.#consumers);
    this.#producing = false;
    const producers = await Promise.allSettled(this.#producers);
    const failed = [...consumers, ...producers].find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #client(name: string): readonly RecordedCalls[] {
    return this.#connect().map((calls, instance) => this.#recorder.client(name, instance, calls));
  }

  /** @param again where requests are repeated. Undefined: none has a key. */
  async #produce(
    servers: readonly RecordedCalls[],
    again: readonly RecordedCalls[] | undefined,
    random: SeededRandom,
  ): Promise<void> {
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
      // Rarely, since each schedule hides a part of the order.
      const isLater = again === undefined && random.fraction() < 0.03;
      const delayMs = isLater ? scheduleMs(random) : 0;
      if (delayMs === 0) for (const item of items) this.#waiting.add(item);
      const outcome =
        again === undefined
          ? await server.produce(items, { delayMs })
          : await this.#produceKeyed(items, { servers, again, random });
      if (outcome !== 'ok') for (const item of items) this.#waiting.delete(item);
      await this.#think(random, outcome !== 'ok', this.#options.producerThinkMs);
    }
  }

  /** Sends a request with a dedup key until it is acknowledged, and sometimes once more or twice at once. */
  async #produceKeyed(
    items: readonly string[],
    {
      servers,
      again,
      random,
    }: {
      readonly servers: readonly RecordedCalls[];
      readonly again: readonly RecordedCalls[];
      readonly random: SeededRandom;
    },
  ): Promise<Outcome> {
    const key = `key of ${items[0]}`;
    const named = this.#options.deadLetters !== undefined;
    let outcome: Outcome = 'unknown';
    for (let attempt = 1; outcome !== 'ok' && attempt <= MOST_ATTEMPTS; attempt++) {
      if (attempt > 1) await this.#think(random, true, 0);
      const places = random.fraction() < 0.2 ? [servers, again] : [servers];
      const outcomes = await Promise.all(
        places.map((place) => oneOf(place, random).produce(items, { key, named })),
      );
      if (outcomes.includes('invalid')) return 'invalid';
      outcome =
        outcomes.find((each) => each === 'ok') ?? outcomes.find((each) => each === 'unknown') ?? outcome;
    }
    if (random.fraction() < 0.1) await oneOf(again, random).produce(items, { key, named });
    return outcome;
  }

  /** Transactions that write into an outbox; some last long, and some are rolled back. */
  async #transact(client: RecordedTransactions, random: SeededRandom): Promise<void> {
    const { batch, producerThinkMs } = this.#options;
    for (;;) {
      await this.#untilWanted();
      if (!this.#producing) break;
      const calls = Array.from({ length: 1 + Math.floor(random.fraction() * 3) }, () =>
        Array.from({ length: 1 + Math.floor((random.fraction() * batch) / 4) }, () => `i${this.#items++}`),
      );
      const luck = random.fraction();
      const pauseMs = luck < 0.1 ? 100 + random.fraction() * 200 : luck < 0.5 ? random.fraction() * 20 : 0;
      const rollsBack = random.fraction() < 0.15;
      for (const item of calls.flat()) this.#waiting.add(item);
      const outcome = await client.run({ calls, pauseMs, rollsBack });
      if (outcome !== 'ok') for (const item of calls.flat()) this.#waiting.delete(item);
      await this.#think(random, outcome !== 'ok' && !rollsBack, producerThinkMs);
    }
    client.close();
  }

  /** Waits until more items are wanted. */
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
    let ids = given.map(({ id }) => id);
    if (random.fraction() < 0.1) ids = await this.#hold(server, partition, ids, random);
    const luck = random.fraction();
    if (luck < 0.03) return;
    if (luck < 0.06) await delay(this.#options.leaseTimeoutMs * (0.8 + random.fraction() * 0.6));
    if (luck >= 0.06 && luck < 0.16) {
      const some = ids.splice(0, Math.ceil(ids.length * random.fraction()));
      const delayMs = random.fraction() < 0.3 ? scheduleMs(random) : 0;
      const dead = delayMs === 0 && random.fraction() < (this.#options.deadLetters === undefined ? 0.2 : 0.6);
      if (some.length > 0) await server.retry(partition, some, { delayMs, dead });
    }
    if (luck >= 0.16 && luck < 0.2 && ids.length > 1) {
      // Completes half of them twice: the second request is refused as a whole, and must not affect the other
      // half.
      const half = ids.slice(0, Math.floor(ids.length / 2));
      await server.complete(partition, half);
      await server.complete(partition, ids);
      ids.splice(0, half.length);
    }
    if (ids.length > 0) await server.complete(partition, ids);
    // Completes again, which must be harmless.
    if (luck > 0.98 && ids.length > 0) await server.complete(partition, ids);
  }

  /** Works for longer than the lease, and extends it meanwhile, or too late. @returns the items that are left. */
  async #hold(
    server: RecordedCalls,
    partition: number,
    ids: string[],
    random: SeededRandom,
  ): Promise<string[]> {
    const { leaseTimeoutMs } = this.#options;
    let left = ids;
    for (let turns = 1 + Math.floor(random.fraction() * 4); turns > 0 && left.length > 0; turns--) {
      await delay(leaseTimeoutMs * (random.fraction() < 0.1 ? 0.9 + random.fraction() * 0.3 : 0.5));
      const lost = (await server.extend(partition, left, leaseTimeoutMs)) ?? [];
      left = left.filter((id) => !lost.includes(id));
    }
    return left;
  }

  async #think(random: SeededRandom, failed: boolean, thinkMs: number): Promise<void> {
    const pause = failed ? AFTER_FAILURE_MS : random.fraction() * thinkMs;
    if (pause >= 0.5) await delay(pause);
  }
}

function scheduleMs(random: SeededRandom): number {
  return (LONGEST_SCHEDULE_MS * (1 + 2 * random.fraction())) / 3;
}
