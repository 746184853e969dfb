import {
  decorateStore,
  type Instant,
  microseconds,
  PARTITION_STORE,
  type PortMembers,
  QUEUE_STORE,
  type StorageBackend,
  silentLogger,
} from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { createService, type Service } from '@querator/engine';

/** The storage of one sequence. */
export interface ModelStorage {
  /** Another backend on the same items, like that of a restarted server. */
  open(): StorageBackend;
  close(): Promise<void>;
}

/** Creates an empty storage that uses the given clock. */
export type MakeStorage = (clock: ManualClock) => ModelStorage | Promise<ModelStorage>;

/** More turns than any step takes. A service that is still busy after them never becomes idle. */
const MOST_TURNS = 100_000;
/** After a reply of the storage, the service makes its next call within fewer turns of the event loop. */
const QUIET_TURNS = 4;

/** How many turns of the event loop the fastest storage takes to answer. */
const ANSWER_TURNS = 2;

/**
 * A service on a storage, with a manual clock. It counts calls of the storage.
 * Once none is in flight for a few turns of the event loop, nothing happens until
 * the clock moves. So tests can wait for the service, and do not depend on the
 * speed of the storage.
 */
export class ServiceUnderTest {
  readonly clock: ManualClock;
  readonly #storage: ModelStorage;
  readonly #calls = new Set<Promise<unknown>>();
  #service: Service;

  private constructor(clock: ManualClock, storage: ModelStorage) {
    this.clock = clock;
    this.#storage = storage;
    this.#service = this.#start();
  }

  static async start(makeStorage: MakeStorage): Promise<ServiceUnderTest> {
    const clock = new ManualClock();
    return new ServiceUnderTest(clock, await makeStorage(clock));
  }

  get service(): Service {
    return this.#service;
  }

  /** Stops the service, and starts another one on the same storage at the given time. */
  async restart(startAt: Instant): Promise<void> {
    await this.#service.shutdown();
    await this.settled();
    await this.advanceTo(startAt);
    this.#service = this.#start();
  }

  /** Moves the clock, and waits for the effects of each timer. */
  async advanceTo(target: Instant): Promise<void> {
    for (;;) {
      const nextMs = this.clock.msToNextTimer();
      const left = target - this.clock.now();
      const next = nextMs === undefined ? left : BigInt(Math.max(Math.round(nextMs * 1_000), 0));
      const step = next < left ? next : left;
      await this.clock.advance(microseconds(step));
      await this.settled();
      if (step === left) return;
    }
  }

  /** Waits until the service is idle. */
  async settled(): Promise<void> {
    let quiet = 0;
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      if (this.#calls.size > 0) {
        await Promise.allSettled(this.#calls);
        quiet = 0;
      }
      await nextTurn();
      if (this.#calls.size === 0 && ++quiet === QUIET_TURNS) return;
    }
    throw new Error('the service never comes to rest');
  }

  async stop(): Promise<void> {
    await this.#service.shutdown();
    await this.#storage.close();
  }

  #start(): Service {
    const backend = this.#storage.open();
    // Without `poll` and `signals`: calls that are not counted would run while the service seems settled.
    const counted: StorageBackend = {
      name: backend.name,
      capabilities: backend.capabilities,
      queueStore: () => this.#counting(QUEUE_STORE, backend.queueStore()),
      partitionStore: (key, owner) => this.#counting(PARTITION_STORE, backend.partitionStore(key, owner)),
      ping: () => backend.ping(),
      measure: (keys) => backend.measure(keys),
      close: () => backend.close(),
    };
    return createService({
      clock: this.clock,
      random: new SeededRandom(),
      logger: silentLogger,
      queueStore: counted.queueStore(),
      storages: [{ backend: counted, affinity: 1 }],
    });
  }

  /** Decorates a store to count its running calls. */
  #counting<Store extends object>(members: PortMembers<Store>, store: Store): Store {
    return decorateStore(
      members,
      store,
      (_, call) =>
        (...args) =>
          this.#count(call(...args) as Promise<unknown>),
    );
  }

  /** Delays a call by some turns, so that in memory too a caller may leave while its items are fetched. */
  #count(call: Promise<unknown>): Promise<unknown> {
    const answer = slowly(call);
    this.#calls.add(answer);
    const done = () => this.#calls.delete(answer);
    answer.then(done, done);
    return answer;
  }
}

/** The same outcome some turns later. */
async function slowly<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } finally {
    for (let turn = 0; turn < ANSWER_TURNS; turn++) await nextTurn();
  }
}

/** Runs everything that waits for the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
