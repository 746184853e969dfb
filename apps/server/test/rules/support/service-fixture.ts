import {
  type Clock,
  type NewItem,
  parseDuration,
  type RetriedItem,
  type StorageBackend,
  type StoredItem,
  toMilliseconds,
} from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import {
  createService,
  type EngineLimits,
  type Leased,
  type PartitionStorage,
  type QueueCall,
  type Service,
} from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterAll, afterEach, beforeAll } from 'vitest';

/** Every rule is tested on each of these drivers. */
export const DRIVERS = ['memory', 'postgres'] as const;
export type Driver = (typeof DRIVERS)[number];

/** Every pair of a queue's driver and its dead-letter queue's driver. */
export const PAIRINGS = DRIVERS.flatMap((queue) => DRIVERS.map((dead) => [queue, dead] as const));

export interface ServiceFixtureOptions {
  /** The names and drivers of the storages, in order. The first one stores the settings of queues. */
  readonly storages: Readonly<Record<string, Driver>>;
  /** By name of the storage. 1 if not given. */
  readonly affinities?: Readonly<Record<string, number>>;
  readonly limits?: Partial<EngineLimits>;
  /** Whether a namespace exists. Undefined: every one is accepted. */
  readonly hasNamespace?: (name: string) => Promise<boolean>;
}

/** One service on storages that can fail, all on one clock that only the test moves. */
export class ServiceFixture {
  readonly clock = new ManualClock();
  readonly logged: { level: string; message: string; fields: unknown }[] = [];
  service: Service;
  readonly #options: ServiceFixtureOptions;
  readonly #database: TestDatabase;
  readonly #random = new SeededRandom();
  readonly #services: Service[] = [];
  /** By name. They outlive their services. */
  readonly #memories = new Map<string, StorageBackend>();
  #backends: ReadonlyMap<string, FaultyStorage>;
  #closed: FaultyStorage[] = [];

  constructor(database: TestDatabase, options: ServiceFixtureOptions) {
    this.#database = database;
    this.#options = options;
    this.#backends = this.#newBackends();
    this.service = this.#newService(this.#backends);
  }

  /** The storage of that name, or the first one. */
  storage(name = Object.keys(this.#options.storages)[0] as string): FaultyStorage {
    const storage = this.#backends.get(name);
    if (storage === undefined) throw new Error(`no storage is named '${name}'`);
    return storage;
  }

  /**
   * Stops the service and starts another one on the same storages. Storages in
   * memory survive here, so that a restart can be tested on every driver.
   *
   * @param crash disconnects the storages of the old service instead of stopping it.
   */
  async restart({ crash = false } = {}): Promise<void> {
    const old = this.#backends;
    if (crash) {
      for (const storage of old.values()) for (let n = 0; n < 8; n++) storage.cut(n);
    } else {
      await this.service.shutdown();
    }
    this.#closed.push(...old.values());
    this.#backends = this.#newBackends();
    this.service = this.#newService(this.#backends);
  }

  /** Another service on the same storages, like that of another server process. */
  instance(): Service {
    return this.#newService(this.#backends);
  }

  /** Waits until nothing more happens without the clock. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 5; turns++) {
      await new Promise((resolve) => setImmediate(resolve));
      const busy = [...this.#backends.values(), ...this.#closed].filter((storage) => storage.busy);
      if (busy.length === 0) continue;
      await Promise.all(busy.map((storage) => storage.quiet()));
      turns = -1;
    }
  }

  /** Moves the clock from timer to timer, and waits after each until nothing more happens. */
  async advance(by: string): Promise<void> {
    let leftMs = toMilliseconds(parseDuration(by));
    await this.settle();
    for (;;) {
      const stepMs = Math.max(this.clock.msToNextTimer() ?? Number.POSITIVE_INFINITY, 0);
      if (stepMs > leftMs) break;
      await this.clock.advance(`${Math.round(stepMs * 1_000)}us`);
      leftMs -= stepMs;
      await this.settle();
    }
    await this.clock.advance(`${Math.round(leftMs * 1_000)}us`);
    await this.settle();
  }

  /** The instant after a duration from now. */
  in(by: string) {
    return (this.clock.now() + parseDuration(by) / 1_000n) as ReturnType<Clock['now']>;
  }

  /** Creates a queue with the given settings and defaults. @param on the storages of its partitions. */
  async create(queueName: string, settings: Partial<QueueCall> = {}, on?: readonly string[]): Promise<void> {
    const partitions = on?.map((storageName, partition) => ({ partition, storageName }));
    await this.service.queues.create(queueCall(queueName, settings), { partitions });
    // Activates the queue, so that its timers start now.
    await this.service.queue.stats(queueName);
    await this.settle();
  }

  produce(queueName: string, ...items: readonly (string | NewItem)[]): Promise<void> {
    const all = items.map((each) => (typeof each === 'string' ? item(each) : each));
    return this.service.queue.produce({ queueName, requestTimeout: '1m', items: all });
  }

  /** Leases up to `batchSize` items. */
  lease(queueName: string, batchSize = 1, call: { clientId?: string; requestTimeout?: string } = {}) {
    const { clientId = `client-${nextClient++}`, requestTimeout = '10m' } = call;
    return this.service.queue.lease({ queueName, batchSize, clientId, requestTimeout });
  }

  complete(queueName: string, { partition, items }: Leased): Promise<void> {
    return this.completeIds(queueName, partition, ...items.map(({ id }) => id));
  }

  completeIds(queueName: string, partition: number, ...ids: readonly string[]): Promise<void> {
    return this.service.queue.complete({ queueName, partition, requestTimeout: '1m', ids });
  }

  retry(queueName: string, { partition, items }: Leased, how: Partial<RetriedItem> = {}): Promise<void> {
    const given = items.map(({ id }) => ({ id, dead: false, ...how }));
    return this.service.queue.retry({ queueName, partition, items: given });
  }

  /** The waiting and leased items of a partition. */
  async items(queueName: string, partition = 0): Promise<readonly StoredItem[]> {
    return this.service.storage.listItems({ queueName, partition, pivot: '', limit: 0 });
  }

  async scheduled(queueName: string, partition = 0): Promise<readonly StoredItem[]> {
    return this.service.storage.listScheduled({ queueName, partition, pivot: '', limit: 0 });
  }

  /** The payloads of the waiting and leased items of a partition, in order. */
  async payloads(queueName: string, partition = 0): Promise<string[]> {
    return (await this.items(queueName, partition)).map(textOf);
  }

  /** The first partition's counts. */
  async stats(queueName: string, partition = 0) {
    const { partitions } = await this.service.queue.stats(queueName);
    const found = partitions[partition];
    if (found === undefined) throw new Error(`'${queueName}' has no partition ${partition}`);
    return found;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#services.map((service) => service.shutdown()));
    await Promise.all([...this.#backends.values(), ...this.#closed].map((backend) => backend.close()));
  }

  #newBackends(): ReadonlyMap<string, FaultyStorage> {
    const registry = new PoolRegistry();
    return new Map(
      Object.entries(this.#options.storages).map(([name, driver]) => {
        const inner = driver === 'memory' ? this.#memory(name) : this.#postgres(name, registry);
        return [name, new FaultyStorage(inner)];
      }),
    );
  }

  #memory(name: string): StorageBackend {
    const kept = this.#memories.get(name) ?? memoryBackend({ name, clock: this.clock, random: this.#random });
    this.#memories.set(name, kept);
    return kept;
  }

  #postgres(name: string, registry: PoolRegistry): StorageBackend {
    // No test here crashes the database, so commits do not have to wait for the disk.
    const given = this.#database.connectionString;
    const connectionString = `${given}${given.includes('?') ? '&' : '?'}options=-c%20synchronous_commit%3Doff`;
    return postgresBackend({ name, connectionString, registry, clock: this.clock, random: this.#random });
  }

  #newService(backends: ReadonlyMap<string, FaultyStorage>): Service {
    const log = (level: string) => (message: string, fields?: unknown) =>
      void this.logged.push({ level, message, fields });
    const storages: PartitionStorage[] = [...backends.values()].map((backend) => ({
      backend,
      affinity: this.#options.affinities?.[backend.name] ?? 1,
    }));
    const service = createService({
      clock: this.clock,
      random: this.#random,
      logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      ...(this.#options.limits === undefined ? {} : { limits: this.#options.limits }),
      hasNamespace: this.#options.hasNamespace,
      queueStore: (backends.values().next().value as FaultyStorage).queueStore(),
      storages,
    });
    this.#services.push(service);
    return service;
  }
}

let nextClient = 0;

/** The request to create a queue with the given settings and defaults. */
export function queueCall(queueName: string, settings: Partial<QueueCall> = {}): QueueCall {
  return {
    queueName,
    namespace: '',
    leaseTimeout: '1m',
    expireTimeout: '24h',
    deadQueue: '',
    maxAttempts: 0,
    reference: '',
    requestedPartitions: 1,
    ...settings,
  };
}

/** An item with this payload. */
export function item(text: string, rest: Partial<NewItem> = {}): NewItem {
  return { encoding: 'utf-8', kind: 'test', reference: 'ref', payload: Buffer.from(text), ...rest };
}

/** The payload of an item, as text. */
export function textOf({ payload }: { readonly payload: Uint8Array }): string {
  return Buffer.from(payload).toString();
}

/** The payloads of leased items, as text. */
export function textsOf({ items }: Leased): string[] {
  return items.map(textOf);
}

/** The state of a promise, without waiting for it. */
export interface Watched<T> {
  state: 'pending' | 'fulfilled' | 'rejected';
  value?: T;
  error?: Error;
}

export function watch<T>(promise: Promise<T>): Watched<T> {
  const seen: Watched<T> = { state: 'pending' };
  promise.then(
    (value) => Object.assign(seen, { state: 'fulfilled', value }),
    (error: Error) => Object.assign(seen, { state: 'rejected', error }),
  );
  return seen;
}

/** A fixture for each test of a file, on one database. */
export function useFixtures(): (
  storages: ServiceFixtureOptions['storages'],
  rest?: Omit<ServiceFixtureOptions, 'storages'>,
) => ServiceFixture {
  let database: TestDatabase;
  const fixtures: ServiceFixture[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    for (const fixture of fixtures.splice(0)) await fixture.dispose();
  });
  afterAll(() => database.drop());
  return (storages, rest = {}) => {
    const fixture = new ServiceFixture(database, { storages, ...rest });
    fixtures.push(fixture);
    return fixture;
  };
}

let nextQueue = 0;

/** A name that no other test of the file uses: they share a database. */
export function fresh(word = 'q'): string {
  return `${word}-${nextQueue++}`;
}
