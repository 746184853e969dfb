import {
  MOVE_STORE,
  type MoveStore,
  makeStore,
  PARTITION_STORE,
  type PartitionKey,
  type PartitionOwner,
  type PartitionSize,
  type PartitionStore,
  type PollResult,
  QUEUE_STORE,
  QueueError,
  type QueueStore,
  type StorageBackend,
  StorageError,
  type StorageNotice,
  type StorageSignals,
  TASK_STORE,
  type TaskStore,
} from '@querator/core';
import type { Ending, History } from '../history.ts';
import { type Disk, placeOf } from './disk.ts';
import type { EngineProcess } from './engine-process.ts';
import type { Scheduler } from './scheduler.ts';
import type { StorageFaults } from './storage-faults.ts';

/** The name of the queue store in a history. */
export const QUEUES_PLACE = 'queues';

/** The name of the task store in a history. */
export const TASKS_PLACE = 'tasks';

/** The parts of a connection between an engine and storage. */
export interface StorageWay {
  readonly scheduler: Scheduler;
  readonly faults: StorageFaults;
  readonly history: History;
  readonly process: EngineProcess;
  readonly disk: Disk;
  readonly signals: StorageSignals | undefined;
  /** Whether the driver can poll many partitions at once. */
  readonly polls: boolean;
}

interface Call {
  readonly place: string;
  readonly name: string;
  readonly args: readonly unknown[];
  /** Applies the call. Throws what storage refuses. */
  readonly effect: (op: number) => Promise<unknown>;
  /**
   * Registers a late effect that comes before any later call of its kind.
   *
   * @returns lets it come. Undefined: late effects come at any time.
   */
  readonly late?: (effect: () => Promise<unknown>) => () => Promise<void>;
}

/** How the engine is answered. */
interface Settling {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Storage as one engine reaches it. Each call takes time in both directions,
 * and fails as `StorageFaults` decides. Late calls are overtaken.
 */
export class EngineStorage implements StorageBackend {
  readonly name: string;
  readonly capabilities = { durable: true, shared: true, moves: true };
  readonly signals: StorageSignals | undefined;
  readonly poll?: NonNullable<StorageBackend['poll']>;
  readonly #way: StorageWay;
  readonly #queueStore: QueueStore;

  constructor(way: StorageWay) {
    this.#way = way;
    this.name = way.disk.name;
    this.signals = way.signals;
    if (way.polls) this.poll = (keys, options) => this.#poll(keys, options.deadlines);
    this.#queueStore = makeStore<QueueStore>(
      QUEUE_STORE,
      (name) =>
        (...args: unknown[]) =>
          this.#send({ place: QUEUES_PLACE, name, args, effect: () => this.#way.disk.queueCall(name, args) }),
    );
  }

  queueStore(): QueueStore {
    return this.#queueStore;
  }

  partitionStore(key: PartitionKey, owner?: PartitionOwner): PartitionStore {
    if (owner === undefined) throw new Error('an engine says whose partition it works on');
    const way = this.#way;
    return makeStore<PartitionStore>(
      PARTITION_STORE,
      (name) =>
        (...args: unknown[]) =>
          this.#send({
            place: placeOf(key),
            name,
            args,
            effect: async (op) => {
              const done = await way.disk.partitionCall(op, key, owner.createdAt, { name, args });
              if (done !== undefined) return done.result;
              // As a driver that finds no table: asks the engine, which waits for the call, whether the queue exists.
              if (way.process.storageCalls.has(op)) await isThere(way.process, owner);
              throw new StorageError('the queue is gone', { outcome: 'not-applied' });
            },
          }),
    );
  }

  taskStore(): TaskStore {
    return makeStore<TaskStore>(
      TASK_STORE,
      (name) =>
        (...args: unknown[]) =>
          this.#send({
            ...{ place: TASKS_PLACE, name: `task.${name}`, args },
            effect: () => this.#way.disk.taskCall(name, args),
          }),
    );
  }

  moveStore(key: PartitionKey, owner?: PartitionOwner): MoveStore {
    if (owner === undefined) throw new Error('an engine says whose partition it moves');
    const { disk } = this.#way;
    return makeStore<MoveStore>(
      MOVE_STORE,
      (name) =>
        (...args: unknown[]) =>
          this.#send({
            ...{ place: placeOf(key), name: `move.${name}`, args },
            effect: (op) => disk.moveCall(op, key, owner.createdAt, { name, args }),
            late: (effect) => disk.lateMoveCall(key, effect),
          }),
    );
  }

  async ping(): Promise<readonly StorageNotice[]> {
    return [];
  }

  async measure(): Promise<readonly PartitionSize[]> {
    throw new Error('the simulation has no quotas');
  }

  async close(): Promise<void> {}

  #poll(keys: readonly PartitionKey[], deadlines: boolean): Promise<readonly PollResult[]> {
    const { disk, scheduler } = this.#way;
    return this.#send({
      place: this.name,
      name: 'poll',
      args: [keys.map(placeOf), deadlines],
      effect: async () => disk.poll(keys, scheduler.instant(), deadlines),
    }) as Promise<readonly PollResult[]>;
  }

  #send(call: Call): Promise<unknown> {
    // The last turns of a crashed engine have no effect. Those of a sleeping engine wait until it wakes.
    return new Promise((resolve, reject) => {
      this.#way.process.send(call.name, () => this.#sendOff(call, { resolve, reject }));
    });
  }

  #sendOff({ place, name, args, effect, late }: Call, { resolve, reject }: Settling): void {
    const { scheduler, faults, history, process } = this.#way;
    const op = history.newOp();
    history.add({ type: 'sent', op, engine: process.name, place, name, args });
    process.storageCalls.add(op);
    const plan = faults.plan();
    const answer = (ending: Ending, settle: () => void, result?: unknown) => {
      const receive = () => {
        process.storageCalls.delete(op);
        history.add({ type: 'returned', op, ending, result });
        settle();
      };
      scheduler.after(plan.afterMs, () => process.receive(receive));
    };
    const fail = (outcome: 'not-applied' | 'unknown') =>
      answer(outcome, () => reject(new StorageError('simulated', { outcome })));
    const arrive = async () => {
      if (!process.alive && !plan.outlivesSender) return;
      if (plan.fault === 'not-applied' || faults.isDown(place) || faults.isDown(this.name)) {
        return fail('not-applied');
      }
      if (plan.fault === 'unknown-lost') return fail('unknown');
      if (plan.fault === 'unknown-late') {
        fail('unknown');
        const come = late?.(() => effect(op)) ?? (() => effect(op));
        scheduler.after(plan.afterMs + faults.lateMs(), () => void come().catch(() => {}));
        return;
      }
      try {
        const result = await effect(op);
        if (plan.fault === 'unknown-applied') fail('unknown');
        else answer('ok', () => resolve(result), result);
      } catch (error) {
        if (error instanceof QueueError) answer('refused', () => reject(error));
        else if (error instanceof StorageError)
          answer(error.closed ? 'closed' : 'not-applied', () => reject(error));
        else throw error;
      }
    };
    scheduler.after(plan.beforeMs, () => void arrive());
  }
}

/** Asks the engine, which may sleep. */
function isThere(process: EngineProcess, owner: PartitionOwner): Promise<unknown> {
  return new Promise((resolve) => {
    process.receive(() => resolve(owner.isThere().catch(() => false)));
  });
}
