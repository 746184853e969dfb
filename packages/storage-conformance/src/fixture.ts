import type { PartitionStore, QueueStore, StorageBackend } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { PartitionScript } from './partition-script.ts';
import type { StorageSetup } from './storage-setup.ts';

/** Makes names unique: storages outlive a test, and even a run. */
const RUN = crypto.randomUUID().slice(0, 8);
let fixtures = 0;

/** The fixture of one test: a clock, a backend, and names that no other test uses. */
export class Fixture {
  readonly clock = new ManualClock();
  readonly #setup: StorageSetup;
  readonly #number = ++fixtures;
  readonly #opened: StorageBackend[] = [];
  #names = 0;

  private constructor(setup: StorageSetup) {
    this.#setup = setup;
  }

  /** Makes a fixture and opens its first backend. */
  static async make(setup: StorageSetup): Promise<Fixture> {
    const fixture = new Fixture(setup);
    await fixture.open();
    return fixture;
  }

  /** The backend that was opened first. */
  get backend(): StorageBackend {
    return this.#opened[0] as StorageBackend;
  }

  get queues(): QueueStore {
    return this.backend.queueStore();
  }

  /** Opens another backend on the same storage, like another process. */
  async open(): Promise<StorageBackend> {
    const random = new SeededRandom(this.#number * 1_000 + this.#opened.length + 1);
    const backend = await this.#setup.open({ clock: this.clock, random });
    this.#opened.push(backend);
    return backend;
  }

  /** A new name for a queue or a namespace. Later names are greater. */
  name(suffix = ''): string {
    this.#names++;
    return `${RUN}-${this.#number}-${String(this.#names).padStart(3, '0')}${suffix}`;
  }

  /** An empty partition of a new queue. */
  partition(backend: StorageBackend = this.backend): PartitionStore {
    return backend.partitionStore({ queue: this.name(), partition: 0 });
  }

  /** A script on a partition, by default on a new one. */
  script(store: PartitionStore = this.partition()): PartitionScript {
    return new PartitionScript(store, this.clock);
  }

  /** Several callers of one partition: two stores of this process, and one of another if the storage is shared. */
  async callers(): Promise<readonly PartitionScript[]> {
    const key = { queue: this.name(), partition: 0 };
    const backends = [this.backend, this.backend];
    if (this.backend.capabilities.shared) backends.push(await this.open());
    return backends.map((backend) => this.script(backend.partitionStore(key)));
  }

  async close(): Promise<void> {
    for (const backend of this.#opened) await backend.close();
  }
}
