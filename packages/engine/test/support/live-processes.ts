import {
  type InstanceStore,
  StorageError,
  type StorageSignals,
  silentLogger,
  type UnrecordedInstance,
} from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { Instances, type OwnRecord } from '../../src/index.ts';

const OWN: OwnRecord = { name: 'host/1', version: '2.0.0', storages: [], capabilities: ['metadata'] };

/** A process whose storage can fail or hang. */
export class LiveProcess {
  readonly instances: Instances;
  /** Each heartbeat of this process. */
  beats = 0;
  /** How the storage answers this process. */
  answer: 'now' | 'fails' | 'never' = 'now';
  readonly warnings: string[] = [];
  readonly infos: string[] = [];

  constructor(world: LiveProcesses, seed: number, own: Partial<OwnRecord>) {
    this.instances = new Instances({
      clock: world.clock,
      random: new SeededRandom(seed),
      logger: {
        ...silentLogger,
        warn: (message) => void this.warnings.push(message),
        info: (message) => void this.infos.push(message),
      },
      store: this.#store(world),
      signals: world.signals,
      own: { ...OWN, ...own },
    });
  }

  #store(world: LiveProcesses): InstanceStore {
    const answered = async <T>(call: () => Promise<T>): Promise<T> => {
      if (this.answer === 'fails') throw new StorageError('injected', { outcome: 'not-applied' });
      if (this.answer === 'never') return new Promise(() => {});
      return call();
    };
    return {
      beat: (record) => {
        this.beats++;
        return answered(async () => ({ ...(await world.store.beat(record)), unrecorded: world.unrecorded }));
      },
      remove: (id) => answered(() => world.store.remove(id)),
      watchUnrecorded: (onChange) => world.watch(onChange),
    };
  }
}

/** The processes on one storage, which reports processes without a record when the test says so. */
export class LiveProcesses {
  readonly clock = new ManualClock();
  readonly store: InstanceStore;
  readonly signals: StorageSignals;
  unrecorded: readonly UnrecordedInstance[] | undefined = [];
  readonly #subscribers = new Set<() => void>();
  readonly #watchers = new Set<() => void>();
  #made = 0;

  constructor() {
    const backend = memoryBackend({ name: 'mem', clock: this.clock, random: new SeededRandom() });
    const store = backend.instanceStore?.();
    if (store === undefined) throw new Error('memory has no instance store');
    this.store = store;
    this.signals = {
      listening: true,
      publish: () => callAll(this.#subscribers),
      subscribe: (_topic, onChange) => {
        this.#subscribers.add(onChange);
        return () => this.#subscribers.delete(onChange);
      },
    };
  }

  make(own: Partial<OwnRecord> = {}): LiveProcess {
    return new LiveProcess(this, ++this.#made, own);
  }

  /** Starts a process and waits until all know it. */
  async start(own: Partial<OwnRecord> = {}): Promise<LiveProcess> {
    const process = this.make(own);
    process.instances.start();
    await this.clock.advance('1s');
    return process;
  }

  /** Processes without a record came or went. */
  notice(unrecorded: readonly UnrecordedInstance[]): void {
    this.unrecorded = unrecorded;
    callAll(this.#watchers);
  }

  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange);
    return () => this.#watchers.delete(onChange);
  }
}

function callAll(callbacks: ReadonlySet<() => void>): void {
  for (const callback of callbacks) callback();
}
