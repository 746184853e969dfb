import {
  type CancelTimer,
  type Clock,
  decorateStore,
  type Logger,
  MOVE_STORE,
  type MoveStore,
  PARTITION_STORE,
  type PortCall,
  type PortMembers,
  QUEUE_STORE,
  STORAGE_BACKEND,
  type StorageBackend,
  StorageError,
  type StorageSignals,
  silentLogger,
  TASK_STORE,
  type Task,
  type TaskStore,
} from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import {
  type CreateTaskCall,
  createService,
  type PartitionStorage,
  type Service,
  type ServiceOptions,
  type ShownTask,
} from '../../src/index.ts';
import { item, payloadOf, queueCall } from './harness.ts';

/** What becomes of a storage call: it is carried out, or the process dies before or after it. */
export type Fate = 'goes on' | 'dies before' | 'dies after' | 'fails' | 'fails after';

/** A process that works on tasks. It can die at any call of its storage. */
export class TaskProcess {
  readonly service: Service;
  readonly logged: string[] = [];
  readonly ended: string[] = [];
  /** Decides the fate of each storage call. */
  onCall: (call: string) => Fate = () => 'goes on';
  isDead = false;

  /** @param storages those of items. Undefined: only the one of the world. */
  constructor(
    world: Pick<TaskProcesses, 'backend' | 'clock' | 'signals'>,
    seed: number,
    {
      hasSignals,
      storages,
      ...options
    }: {
      readonly hasSignals: boolean;
      readonly storages?: readonly PartitionStorage[];
    } & Partial<ServiceOptions>,
  ) {
    const backend = this.#decorate(world.backend);
    const note = (message: string) => void this.logged.push(message);
    const logger: Logger = { ...silentLogger, info: note, warn: note, error: note };
    this.service = createService({
      clock: this.#clock(world.clock),
      random: new SeededRandom(seed),
      logger,
      observer: {
        items: () => {},
        batch: () => {},
        taskEnded: (kind, state) => void this.ended.push(`${kind} ${state}`),
      },
      queueStore: backend.queueStore(),
      taskStore: backend.taskStore?.(),
      queueSignals: hasSignals ? world.signals : undefined,
      storages: storages?.map((storage) => ({ ...storage, backend: this.#decorate(storage.backend) })) ?? [
        { backend, affinity: 1 },
      ],
      ...options,
    });
  }

  /** The process is gone: no call of it is answered, and no timer of it fires. */
  kill(): void {
    this.isDead = true;
  }

  create(call: Partial<CreateTaskCall> = {}): Promise<ShownTask> {
    return this.service.tasks.create({
      ...{ kind: 'delete', queueName: 'q', to: '', rate: 0, dryRun: false },
      ...call,
    });
  }

  #clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      startTimer: (delayMs, callback): CancelTimer =>
        clock.startTimer(delayMs, () => {
          if (!this.isDead) callback();
        }),
    };
  }

  #decorate(inner: StorageBackend): StorageBackend {
    const wrapAll = <Port extends object>(port: string, members: PortMembers<Port>, store: Port): Port =>
      decorateStore(members, store, (member, call) => this.#wrap(`${port}.${member}`, call));
    const queues = wrapAll('queues', QUEUE_STORE, inner.queueStore());
    const store = inner.taskStore?.();
    const tasks = store && wrapAll<TaskStore>('tasks', TASK_STORE, store);
    return {
      ...decorateStore(STORAGE_BACKEND, inner, (_, call) => call),
      queueStore: () => queues,
      taskStore: () => tasks as TaskStore,
      partitionStore: (key, owner) => wrapAll('partition', PARTITION_STORE, inner.partitionStore(key, owner)),
      moveStore: (key, owner) => wrapAll('moves', MOVE_STORE, inner.moveStore?.(key, owner) as MoveStore),
    };
  }

  #wrap(name: string, call: PortCall): PortCall {
    return async (...args) => {
      const fate = this.isDead ? 'dies before' : this.onCall(name);
      if (fate === 'dies before' || fate === 'dies after') this.kill();
      if (fate === 'dies before') return new Promise(() => {});
      if (fate === 'fails') throw new StorageError('injected', { outcome: 'not-applied' });
      const result = await call(...args);
      if (fate === 'fails after') throw new StorageError('injected', { outcome: 'unknown' });
      // Its answer comes too late, also for a process that died meanwhile.
      return this.isDead ? new Promise(() => {}) : result;
    };
  }
}

/** Processes on one storage, with one clock. */
export class TaskProcesses {
  readonly clock = new ManualClock();
  readonly backend = memoryBackend({ name: 'mem', clock: this.clock, random: new SeededRandom(99) });
  readonly signals: StorageSignals;
  readonly #subscribers = new Set<(topic: string) => void>();
  readonly #hasSignals: boolean;
  #made = 0;

  constructor({ hasSignals = true } = {}) {
    this.#hasSignals = hasSignals;
    this.signals = {
      listening: true,
      publish: (topic) => {
        for (const subscriber of this.#subscribers) subscriber(topic);
      },
      subscribe: (topic, onChange) => {
        const subscriber = (published: string) => void (published === topic && onChange());
        this.#subscribers.add(subscriber);
        return () => this.#subscribers.delete(subscriber);
      },
    };
  }

  get store(): TaskStore {
    const store = this.backend.taskStore?.();
    if (store === undefined) throw new Error('memory has no task store');
    return store;
  }

  /** A process that does not work on tasks yet. */
  make(): TaskProcess {
    return new TaskProcess(this, ++this.#made, { hasSignals: this.#hasSignals });
  }

  start(): TaskProcess {
    const process = this.make();
    process.service.tasks.start();
    return process;
  }

  async createQueue(process: TaskProcess, queueName = 'q', partitions = 1): Promise<void> {
    await process.service.queues.create(queueCall(queueName, { requestedPartitions: partitions }));
  }

  /** Produces items whose kind is the first character of their text. */
  async produce(process: TaskProcess, texts: readonly string[], queueName = 'q'): Promise<void> {
    for (const text of texts) {
      await process.service.queue.produce({
        ...{ queueName, requestTimeout: '1m' },
        items: [item(text, { kind: text.slice(0, 1) })],
      });
    }
  }

  /** The texts of all items that are stored, in any order of partitions. */
  async texts(queueName = 'q', partitions = 1): Promise<string[]> {
    const texts: string[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const store = this.backend.partitionStore({ queue: queueName, partition });
      for (const state of ['queued', 'scheduled'] as const) {
        texts.push(...(await store.list({ state, pivot: '', limit: 10_000 })).map(payloadOf));
      }
    }
    return texts.sort();
  }

  async task(id: string): Promise<Task> {
    const task = await this.store.get(id);
    if (task === undefined) throw new Error(`no task ${id}`);
    return task;
  }

  /** Lets time pass until the task has ended. @param most seconds. */
  async ended(id: string, most = 120): Promise<Task> {
    for (let second = 0; second < most; second++) {
      const task = await this.task(id);
      if (task.state !== 'running') return task;
      await this.clock.advance('1s');
    }
    throw new Error(
      `the task still runs: ${JSON.stringify(await this.task(id), (_, v) => (typeof v === 'bigint' ? String(v) : v))}`,
    );
  }
}

export function texts(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, number) => `${kind}${String(number).padStart(3, '0')}`);
}
