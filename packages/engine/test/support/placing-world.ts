import type {
  Instance,
  InstanceStorage,
  InstanceView,
  PartitionPlacement,
  Queue,
  StorageBackend,
  StorageSignals,
  Task,
  TaskState,
  TaskStore,
} from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import type { ServiceOptions, ShownTask } from '../../src/index.ts';
import { item, payloadOf, queueCall } from './harness.ts';
import { TaskProcess } from './task-processes.ts';

/** What a process is configured to do with a storage. */
export interface Wanted {
  readonly affinity: number;
  readonly drain?: true;
}

/** The storages of a process, by name. */
export type WantedStorages = Readonly<Record<string, Wanted>>;

/** The storage `near` drains, and two others take its partitions: `far` twice as many as `third`. */
export const DRAINS: WantedStorages = {
  near: { affinity: 0, drain: true },
  far: { affinity: 2 },
  third: { affinity: 1 },
};

/** Processes that share storages for items, and one for queues and tasks. */
export class PlacingWorld {
  readonly clock = new ManualClock();
  readonly backend = this.#memory('queues');
  readonly signals: StorageSignals = { listening: false, publish: () => {}, subscribe: () => () => {} };
  readonly storages: ReadonlyMap<string, StorageBackend>;
  /** The servers that run, as all processes know them. Undefined: it is not known. */
  view: InstanceView | undefined;
  readonly #records: Instance[] = [];

  constructor(names: readonly string[] = Object.keys(DRAINS)) {
    this.storages = new Map(names.map((name) => [name, this.#memory(name)]));
  }

  get store(): TaskStore {
    return this.backend.taskStore?.() as TaskStore;
  }

  /** A process. @param change replaces a storage by another one. */
  make(
    wanted: WantedStorages = DRAINS,
    options: Partial<ServiceOptions> = {},
    change = (storage: StorageBackend) => storage,
  ): TaskProcess {
    const id = `p${this.#records.length}`;
    const storages = Object.entries(wanted).map(([name, rest]) => ({
      backend: change(this.storages.get(name) as StorageBackend),
      ...rest,
    }));
    this.#record(id, wanted);
    return new TaskProcess(this, this.#records.length, {
      ...{ hasSignals: false, storages, instances: () => this.view },
      ...options,
    });
  }

  /** A process that works on tasks and watches what it drains. */
  start(...args: Parameters<PlacingWorld['make']>): TaskProcess {
    const process = this.make(...args);
    process.service.tasks.start();
    process.service.drains.start();
    return process;
  }

  /** The process is gone, and so is its record. */
  end(process: TaskProcess, id: string): void {
    process.kill();
    const rest = this.view?.instances.filter((each) => each.id !== id) ?? [];
    this.view = { now: this.clock.now(), instances: rest, unrecorded: [] };
  }

  /** A queue of one partition on a storage, with an item of some megabytes. */
  async createLarge(process: TaskProcess, queueName: string, on: string, megabytes: number): Promise<void> {
    const placed = [{ partition: 0, storageName: on }];
    await process.service.queues.create(queueCall(queueName), { partitions: placed });
    const payload = new Uint8Array(megabytes * 2 ** 20);
    const items = [{ ...item(''), payload }];
    if (megabytes > 0) await process.service.queue.produce({ queueName, requestTimeout: '1m', items });
  }

  /** Queues `q0`, `q1`, … on a storage, with items that name them. */
  async createQueues(process: TaskProcess, count: number, { partitions = 1, on = 'near', items = 3 } = {}) {
    for (let n = 0; n < count; n++) {
      const placed = Array.from({ length: partitions }, (_, partition) => ({ partition, storageName: on }));
      await process.service.queues.create(queueCall(`q${n}`), { partitions: placed });
      const made = Array.from({ length: items }, (_, nth) => item(`q${n}/${nth}`));
      if (items > 0)
        await process.service.queue.produce({ queueName: `q${n}`, requestTimeout: '1m', items: made });
    }
  }

  async queues(): Promise<readonly Queue[]> {
    return this.backend.queueStore().list({ namespace: undefined, pivot: '', limit: 1_000 });
  }

  /** Every partition, as `storage`, by queue. */
  async placed(): Promise<Record<string, readonly string[]>> {
    const names = ({ storageName, moving }: PartitionPlacement) => storageName + (moving ? ' moving' : '');
    return Object.fromEntries(
      (await this.queues()).map((queue) => [queue.name, queue.partitions.map(names)]),
    );
  }

  /** How many partitions are on each storage. */
  async counts(): Promise<Record<string, number>> {
    return Object.fromEntries(await this.backend.queueStore().partitionCounts());
  }

  /** The payloads of a queue, wherever they are now. */
  async payloads(queueName: string): Promise<string[]> {
    const queue = await this.backend.queueStore().get(queueName);
    const texts: string[] = [];
    for (const { partition, storageName } of queue?.partitions ?? []) {
      const store = this.storages.get(storageName)?.partitionStore({ queue: queueName, partition });
      texts.push(...((await store?.list({ state: 'queued', pivot: '', limit: 100 })) ?? []).map(payloadOf));
    }
    return texts;
  }

  tasks(kind: string, state?: TaskState): Promise<readonly Task[]> {
    const all = { namespaces: undefined, queue: undefined, after: undefined, limit: 1_000 };
    return this.store.list({ ...all, kind, state });
  }

  /** Lets time pass, a step at a time, until something holds. */
  async until(
    holds: () => Promise<boolean> | boolean,
    { seconds = 300, step = '250ms' } = {},
  ): Promise<void> {
    for (let n = 0; n < seconds * 4; n++) {
      if (await holds()) return;
      await this.clock.advance(step);
    }
    throw new Error(`it does not come to that: ${JSON.stringify(await this.placed())}`);
  }

  /** Lets time pass until the only task of a kind has ended. */
  async ended(kind: string): Promise<Task> {
    const found = async () => (await this.tasks(kind))[0];
    await this.until(async () => ((await found())?.state ?? 'running') !== 'running');
    return (await found()) as Task;
  }

  show(process: TaskProcess, id: string): Promise<ShownTask> {
    return process.service.tasks.get(id);
  }

  #memory(name: string): StorageBackend {
    const clock = this.clock ?? new ManualClock();
    return memoryBackend({ name, clock, random: new SeededRandom(name.length) });
  }

  #record(id: string, wanted: WantedStorages): void {
    const storages: InstanceStorage[] = Object.entries(wanted).map(([name, rest]) => ({
      ...{ name, driver: 'memory' },
      ...rest,
    }));
    const now = this.clock.now();
    this.#records.push({
      ...{ id, name: id, version: '1', capabilities: [], startedAt: now, heartbeatAt: now, storages },
    });
    this.view = {
      now,
      instances: [...(this.view?.instances ?? []), this.#records.at(-1) as Instance],
      unrecorded: [],
    };
  }
}
