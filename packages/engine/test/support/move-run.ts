import {
  type Clock,
  decorateStore,
  type JsonValue,
  MOVE_STORE,
  QUEUE_STORE,
  type QueueStore,
  type StorageBackend,
  StorageError,
  silentLogger,
  type Task,
} from '@querator/core';
import { FaultyStorage, ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { createService, type Service } from '../../src/index.ts';
import { QueueManager } from '../../src/manager/queue-manager.ts';
import { engineDeps } from '../../src/service/engine-options.ts';
import { MovePartition } from '../../src/tasks/kinds/move-partition.ts';
import type { StepResult, TaskCall, TaskKind } from '../../src/tasks/task-kind.ts';
import { item, payloadOf, queueCall } from './harness.ts';

/** Small, so that a copy takes several pages. */
const PAGE = 3;

/** Calls of the stores that only resizes make. */
type OfResizes = 'readmit' | 'beginLeaving' | 'fenceKeys';
const OF_RESIZES: readonly string[] = ['readmit', 'beginLeaving', 'fenceKeys'] satisfies OfResizes[];

/** The storage calls of a move: those of the stores, and of the queue's record. */
export const MOVE_CALLS = [
  ...Object.keys(MOVE_STORE).filter((call) => !OF_RESIZES.includes(call)),
  'place',
] as (Exclude<keyof typeof MOVE_STORE, OfResizes> | 'place')[];
export const FAULTS = ['not-applied', 'unknown-applied', 'unknown-lost'] as const;

/** What a test does before a process changes the queue's record. */
export interface ProcessHooks {
  beforePlace: () => Promise<void> | void;
}

/** Two storages, and servers that use both. */
export class MoveWorld {
  readonly clock = new ManualClock();
  readonly near: FaultyStorage;
  readonly far: FaultyStorage;
  readonly services: readonly Service[];
  /** The storages that a server is configured to drain. */
  draining: ReadonlySet<string> = new Set();
  /** Why a move must wait. Undefined: it need not. */
  lacking: Error | undefined;
  /** Why a capability is refused. Undefined: every process has it. */
  lackingCapability: (name: string) => Error | undefined = () => undefined;
  readonly #storages: readonly { readonly backend: StorageBackend; readonly affinity: number }[];

  constructor({ services = 2 } = {}) {
    const random = new SeededRandom(7);
    const storage = (name: string) => new FaultyStorage(memoryBackend({ name, clock: this.clock, random }));
    this.near = storage('near');
    this.far = storage('far');
    this.#storages = [this.near, this.far].map((backend) => ({ backend, affinity: 1 }));
    const queueStore = this.near.queueStore();
    this.services = Array.from({ length: services }, (_, n) =>
      createService({
        ...{ clock: this.clock, random: new SeededRandom(n), queueStore, storages: this.#storages },
        limits: { statementsInFlight: 1 },
      }),
    );
  }

  get service(): Service {
    return this.services[0] as Service;
  }

  /** Creates a queue of two partitions, the first on the near storage. */
  async createQueue(settings: Parameters<typeof queueCall>[1] = {}): Promise<void> {
    await this.service.queues.create(queueCall('q', settings), {
      partitions: [{ partition: 0, storageName: 'near' }],
    });
  }

  /** Prepares the move of the partition, as the creation of its task does. */
  prepare(call: Partial<TaskCall> = {}) {
    return this.#process().prepare(
      { queueName: 'q', to: '', storageName: 'far', ...call },
      async (_, name) => (await this.near.queueStore().get(name)) as never,
    );
  }

  async move(call: Partial<TaskCall> = {}, dryRun = false): Promise<MoveRun> {
    const { queue, parameters } = await this.prepare(call);
    const task = { id: 'task-1', kind: 'move_partition', queue: queue?.name, parameters, dryRun };
    return new MoveRun((hooks) => this.#process(hooks), task as Task);
  }

  /** Where the partition is, and whether it moves. */
  async placement() {
    return (await this.near.queueStore().get('q'))?.partitions[0];
  }

  /** The payloads in a partition of a storage. */
  async payloads(storage: StorageBackend): Promise<string[]> {
    const store = storage.partitionStore({ queue: 'q', partition: 0 });
    return (await store.list({ state: 'queued', pivot: '', limit: 1_000 })).map(payloadOf);
  }

  /** Lets time pass until a call is answered. */
  async answered<T>(call: Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> {
    let answer: { readonly value: T } | { readonly error: unknown } | undefined;
    call.then(
      (value) => {
        answer = { value };
      },
      (error: unknown) => {
        answer = { error };
      },
    );
    for (let n = 0; n < 400 && answer === undefined; n++) await this.clock.advance('50ms');
    if (answer === undefined) throw new Error('the call is not answered');
    return answer;
  }

  /** Whether a storage refuses to write to the partition. */
  async isClosed(storage: StorageBackend): Promise<boolean> {
    const store = storage.partitionStore({ queue: 'q', partition: 0 });
    try {
      await store.release([]);
      return false;
    } catch (error) {
      if (error instanceof StorageError && error.closed) return true;
      throw error;
    }
  }

  produce(service: Service, ...texts: readonly string[]) {
    const items = texts.map((text) => item(text));
    return this.answered(service.queue.produce({ queueName: 'q', requestTimeout: '10s', items }));
  }

  fail(call: (typeof MOVE_CALLS)[number], how: (typeof FAULTS)[number]): void {
    if (call === 'place') this.near.failQueues('place', how);
    else for (const storage of [this.near, this.far]) storage.fail(call, 0, how);
  }

  heal(): void {
    this.near.healQueues();
    for (const storage of [this.near, this.far]) storage.heal(0);
  }

  #process(hooks?: ProcessHooks): MovePartition {
    return new MovePartition(this.processDeps(hooks));
  }

  /** What a kind of task has in another process. */
  protected processDeps(hooks?: ProcessHooks) {
    const { clock } = this as { readonly clock: Clock };
    const inner: QueueStore = this.near.queueStore();
    const store = decorateStore(QUEUE_STORE, inner, (member, call) => async (...args) => {
      if (member === 'place' || member === 'resize') await hooks?.beforePlace();
      return call(...args);
    });
    const manager = new QueueManager({
      engine: engineDeps({ clock, random: new SeededRandom(), logger: silentLogger }),
      ...{ store, storages: this.#storages, queueSignals: undefined, activated: () => {}, changed: () => {} },
    });
    return {
      ...{ clock, manager, store, storages: this.#storages },
      requireCapability: async (name: string) => {
        const refused = this.lackingCapability(name);
        if (refused !== undefined) throw refused;
      },
      draining: { storages: () => this.draining },
      requireStorage: async () => {
        if (this.lacking !== undefined) throw this.lacking;
      },
    };
  }
}

/** Runs the steps of a structural task, as a process that works on it does. */
export class MoveRun {
  readonly #process: (hooks: ProcessHooks) => TaskKind;
  readonly #kind: TaskKind;
  readonly #hooks: ProcessHooks = { beforePlace: () => {} };
  readonly #task: Task;
  readonly #generation: number;
  checkpoint: JsonValue | undefined;
  counts = { matched: 0, done: 0, failed: 0 };
  /** Whether the process still has the task when it asks. */
  isHeld = true;
  end: StepResult['end'];
  /** What the last step said to the operator. */
  remark: StepResult['remark'];
  /** How long the last step asked to wait. */
  pause: StepResult['pause'];

  constructor(process: (hooks: ProcessHooks) => TaskKind, task: Task, generation = 1) {
    this.#process = process;
    this.#kind = process(this.#hooks);
    this.#task = task;
    this.#generation = generation;
  }

  /** Another process that goes on where the last stored step ended. */
  takenOver(): MoveRun {
    const other = new MoveRun(this.#process, this.#task, this.#generation + 1);
    const { checkpoint, counts, end } = this;
    return Object.assign(other, { checkpoint, counts, end });
  }

  /**
   * Runs steps until the next one may switch.
   *
   * @param changes runs before each change of the queue's record in that step, with its number from 1.
   */
  async untilSwitch(changes: (change: number) => Promise<void> | void = () => {}): Promise<MoveRun> {
    while (this.phase !== 'follow') await this.step();
    this.onRecord(changes);
    return this;
  }

  /** The same process again, as if a call of its arrives late. */
  again(): MoveRun {
    const { checkpoint, counts, end } = this;
    return Object.assign(new MoveRun(this.#process, this.#task, this.#generation), {
      checkpoint,
      counts,
      end,
    });
  }

  /** @param changes runs before each change of the queue's record from now on, with its number from 1. */
  onRecord(changes: (change: number) => Promise<void> | void): void {
    let change = 0;
    this.#hooks.beforePlace = () => changes(++change);
  }

  /** The phase that the next step begins with. */
  get phase(): string | undefined {
    return (this.checkpoint as { readonly phase?: string } | undefined)?.phase;
  }

  /** @param isStored whether the result of the step is stored, or the process killed before. */
  async step(isStored = true): Promise<void> {
    const result = await this.#kind.step(this.#claimed(), this.checkpoint, this.#budget());
    if (isStored) this.#store(result);
  }

  /** Cancels the task. */
  async undo(): Promise<void> {
    const undone = await this.#kind.undo?.(this.#claimed(), this.checkpoint, this.#budget());
    if (undone !== undefined) this.#store(undone);
  }

  async toEnd(): Promise<MoveRun> {
    for (let steps = 0; this.end === undefined; steps++) {
      if (steps > 200) throw new Error('the task does not end');
      await this.step();
    }
    return this;
  }

  #claimed(): Task {
    return { ...this.#task, generation: this.#generation, rate: 4 };
  }

  #budget() {
    return { items: PAGE, signal: new AbortController().signal, stillHeld: async () => this.isHeld };
  }

  #store({ matched, done, failed, checkpoint, end, remark, pause }: StepResult): void {
    const { counts } = this;
    this.counts = {
      ...{ matched: counts.matched + matched, done: counts.done + done, failed: counts.failed + failed },
    };
    this.checkpoint = checkpoint;
    this.end = end;
    this.remark = remark;
    this.pause = pause;
  }
}
