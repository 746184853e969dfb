import { type Client, createClient, ensureQueue, type QueueWish, type TimeSpan } from '@querator/client';
import { type Clock, errorText, silentLogger, verbatim } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { type Composition, compose, defaultConfig } from '@querator/server';
import { CallFaults, type CallName } from './call-faults.ts';
import { findItem, type ItemPlace, itemsOf, type TestItem } from './test-item.ts';
import { type DateValue, TestTime } from './test-time.ts';

/** Any URL: no request leaves the process. */
const ENDPOINT = 'http://querator.test';

/** How long `waitFor` waits by default for what takes real time. */
const PATIENCE_MS = 5_000;

/** What {@link TestQueues.waitFor} waits for. */
export interface ItemWish {
  readonly state: ItemPlace;
  /** The queue to be in, such as the dead-letter queue. Undefined: any. */
  readonly queue?: string | undefined;
}

/** Options of {@link TestQueues.waitFor}. */
export interface WaitOptions {
  /** How long to wait for handlers that take real time, in milliseconds; 5,000 by default. */
  readonly patienceMs?: number | undefined;
}

/** A whole Querator in memory, for a test of a program that uses it. */
export interface TestQueues extends AsyncDisposable {
  /**
   * The client for the program under test. Several tests may run at once, each with
   * `TestQueues` of its own.
   */
  readonly client: Client;
  /** The time of the queues. Give it to `producer`, `worker` and `consume`, so that they have the same. */
  readonly clock: Clock;
  /** The present time, which stands still until `advance`. It begins with the year 2026. */
  now(): DateValue;
  /**
   * Moves the time on. Leases end, schedules come due and items expire at their time
   * and in order. Then waits until everybody waits.
   */
  advance(by: TimeSpan): Promise<void>;
  /** Waits until everybody waits for something: for items, for time, or for work outside the queues. */
  settle(): Promise<void>;
  /** Creates a queue, as `ensureQueue` does. */
  create(queue: string, settings?: Omit<QueueWish, 'queue'>): Promise<void>;
  /** The items of a queue, in the order of their partitions and ids. */
  items(queue: string): Promise<readonly TestItem[]>;
  /**
   * Waits until an item is in a state, without moving the time on.
   *
   * @param item its first id, or what `send` returned.
   * @returns the item; undefined for `gone`.
   * @throws Error that tells where the item is, after `patienceMs`.
   */
  waitFor(
    item: string | { readonly id: string | undefined },
    wish: ItemWish | ItemPlace,
    options?: WaitOptions,
  ): Promise<TestItem | undefined>;
  /**
   * The next calls of this name never arrive, as while the server is down. Without
   * `times` it is one call.
   */
  loseRequest(call: CallName, times?: number): void;
  /** The next calls of this name take effect, and their callers never hear of it. */
  loseAnswer(call: CallName, times?: number): void;
  /** Holds back the calls of this name. @returns a function that lets them go on. */
  hold(call: CallName): () => void;
  /**
   * Ends all leases of a queue now, as if their time had passed: the items wait again,
   * and their consumers have lost them. An item without attempts left dies.
   *
   * @returns how many there were.
   */
  endLeases(queue: string): Promise<number>;
  /** Stops everything. Stop workers and producers first. */
  stop(): Promise<void>;
}

/**
 * Starts a Querator in memory: the server itself, without a port, a thread or a timer
 * of the system.
 */
export async function testQueues(): Promise<TestQueues> {
  const time = new TestTime();
  const server = compose(defaultConfig(), {
    clock: time.clock,
    random: new SeededRandom(),
    logger: silentLogger,
  });
  await server.start();
  return new MemoryQueues(server, time);
}

class MemoryQueues implements TestQueues {
  readonly client: Client;
  readonly #server: Composition;
  readonly #time: TestTime;
  readonly #faults: CallFaults;
  /** Sees the queues without the faults of the test. */
  readonly #observer: Client;

  constructor(server: Composition, time: TestTime) {
    this.#server = server;
    this.#time = time;
    const { clock } = time;
    const fetch = async (url: string, init: RequestInit) => {
      time.touch();
      try {
        return await server.app.request(url, init);
      } finally {
        time.touch();
      }
    };
    this.#faults = new CallFaults(fetch);
    this.client = createClient({
      endpoint: ENDPOINT,
      clock,
      fetch: (url, init) => this.#faults.fetch(url, init),
    });
    this.#observer = createClient({ endpoint: ENDPOINT, clock, fetch });
  }

  get clock(): Clock {
    return this.#time.clock;
  }

  now(): DateValue {
    return this.#time.now();
  }

  advance(by: TimeSpan): Promise<void> {
    return this.#time.advance(by);
  }

  settle(): Promise<void> {
    return this.#time.settle();
  }

  async create(queue: string, settings: Omit<QueueWish, 'queue'> = {}): Promise<void> {
    await ensureQueue(this.#observer, { ...settings, queue });
  }

  async items(queue: string): Promise<readonly TestItem[]> {
    await this.settle();
    return itemsOf(this.#observer, queue);
  }

  async waitFor(
    item: string | { readonly id: string | undefined },
    wish: ItemWish | ItemPlace,
    { patienceMs = PATIENCE_MS }: WaitOptions = {},
  ): Promise<TestItem | undefined> {
    const firstId = typeof item === 'string' ? item : item.id;
    if (firstId === undefined) throw new TypeError('the item has no id');
    const { state, queue } = typeof wish === 'string' ? { state: wish, queue: undefined } : wish;
    let last: TestItem | undefined;
    const there = await this.#time.until(patienceMs, async () => {
      last = await findItem(this.#observer, firstId);
      const isThere = (last?.state ?? 'gone') === state && (queue === undefined || last?.queue === queue);
      return isThere ? { item: last } : undefined;
    });
    if (there !== undefined) return there.item;
    const wanted = queue === undefined ? state : `${state} in queue '${queue}'`;
    const found = last === undefined ? 'gone' : `${last.state} in queue '${last.queue}'`;
    throw new Error(errorText`item '${firstId}' is ${verbatim(found)}, and was to be ${verbatim(wanted)}`);
  }

  loseRequest(call: CallName, times = 1): void {
    this.#faults.add(call, 'lost-request', times);
  }

  loseAnswer(call: CallName, times = 1): void {
    this.#faults.add(call, 'lost-answer', times);
  }

  hold(call: CallName): () => void {
    return this.#faults.hold(call);
  }

  async endLeases(queue: string): Promise<number> {
    await this.settle();
    const leased = (await itemsOf(this.#observer, queue)).filter(({ state }) => state === 'leased');
    for (const [partition, items] of Map.groupBy(leased, (item) => item.partition)) {
      await this.#observer.v2.queue.retry({
        ...{ queueName: queue, partition },
        items: items.map(({ id }) => ({ id })),
      });
    }
    await this.settle();
    return leased.length;
  }

  async stop(): Promise<void> {
    const stopping = this.#server.stop();
    // What waits for its time-out is answered at once; the rest takes a few turns.
    await this.settle();
    await stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
