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

/** Where the items of one sequence are kept. */
export interface ModelStorage {
  /** One more backend on the same items, as a server that is started again would have it. */
  open(): StorageBackend;
  close(): Promise<void>;
}

/** Makes an empty storage that goes by the given clock. */
export type MakeStorage = (clock: ManualClock) => ModelStorage | Promise<ModelStorage>;

/** More turns than any step takes; a service that is still busy then never rests. */
const MOST_TURNS = 100_000;
/** What a storage's answer sets in motion has called storage again after fewer turns of the event loop. */
const QUIET_TURNS = 4;

/** How many turns of the event loop the fastest storage takes to answer. */
const ANSWER_TURNS = 2;

/**
 * A service on a storage, with a clock moved by hand. It can be waited for:
 * every call to storage is counted, and when none is under way, for a few
 * turns of the event loop, nothing happens any more until time goes on. So
 * nothing depends on how fast the storage is.
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

  /** Ends the service, and starts another one on the same storage after the given time. */
  async restart(startAt: Instant): Promise<void> {
    await this.#service.shutdown();
    await this.settled();
    await this.advanceTo(startAt);
    this.#service = this.#start();
  }

  /** Moves the clock, and lets the service finish what each of its timers sets in motion. */
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

  /** Waits until the service has nothing left to do. */
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

  /** The same store, its calls counted while they run. */
  #counting<Store extends object>(members: PortMembers<Store>, store: Store): Store {
    return decorateStore(
      members,
      store,
      (_, call) =>
        (...args) =>
          this.#count(call(...args) as Promise<unknown>),
    );
  }

  /** A storage always takes its time: in memory too, a caller may leave while its items are fetched. */
  #count(call: Promise<unknown>): Promise<unknown> {
    const answer = slowly(call);
    this.#calls.add(answer);
    const done = () => this.#calls.delete(answer);
    answer.then(done, done);
    return answer;
  }
}

/** The same outcome, some turns later. */
async function slowly<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } finally {
    for (let turn = 0; turn < ANSWER_TURNS; turn++) await nextTurn();
  }
}

/** Lets everything run that is waiting for its turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
