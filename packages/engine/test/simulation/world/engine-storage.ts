import {
  makeStore,
  PARTITION_STORE,
  type PartitionKey,
  type PartitionOwner,
  type PartitionStore,
  type PollResult,
  QUEUE_STORE,
  QueueError,
  type QueueStore,
  type StorageBackend,
  StorageError,
  type StorageNotice,
  type StorageSignals,
} from '@querator/core';
import type { Ending, History } from '../history.ts';
import { type Disk, placeOf } from './disk.ts';
import type { EngineProcess } from './engine-process.ts';
import type { Scheduler } from './scheduler.ts';
import type { Weather } from './weather.ts';

/** How a history names the place of queues' settings. */
export const QUEUES_PLACE = 'queues';

/** What the way from an engine to storage is made of. */
export interface StorageWay {
  readonly scheduler: Scheduler;
  readonly weather: Weather;
  readonly history: History;
  readonly process: EngineProcess;
  readonly disk: Disk;
  readonly signals: StorageSignals | undefined;
  /** Whether the driver can look into many partitions at once. */
  readonly polls: boolean;
}

interface Call {
  readonly place: string;
  readonly name: string;
  readonly args: readonly unknown[];
  /** Takes effect. Throws what storage refuses. */
  readonly effect: (op: number) => Promise<unknown>;
}

/** How the engine is answered. */
interface Settling {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Storage as one engine reaches it: each call takes its time on the way there
 * and back, and fails as the weather has it. What is late is overtaken.
 */
export class EngineStorage implements StorageBackend {
  readonly name: string;
  readonly capabilities = { durable: true, shared: true };
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
              // As a driver does that finds no table: the engine learns of it by being asked, while it waits.
              if (way.process.storageCalls.has(op)) await isThere(way.process, owner);
              throw new StorageError('the queue is gone', { outcome: 'not-applied' });
            },
          }),
    );
  }

  async ping(): Promise<readonly StorageNotice[]> {
    return [];
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
    // A dead engine's last turns of the event loop reach nobody, and those of one that sleeps wait for its waking.
    return new Promise((resolve, reject) => {
      this.#way.process.send(call.name, () => this.#sendOff(call, { resolve, reject }));
    });
  }

  #sendOff({ place, name, args, effect }: Call, { resolve, reject }: Settling): void {
    const { scheduler, weather, history, process } = this.#way;
    const op = history.newOp();
    history.add({ type: 'sent', op, engine: process.name, place, name, args });
    process.storageCalls.add(op);
    const fate = weather.fate();
    const answer = (ending: Ending, settle: () => void, result?: unknown) => {
      const hear = () => {
        process.storageCalls.delete(op);
        history.add({ type: 'returned', op, ending, result });
        settle();
      };
      scheduler.after(fate.afterMs, () => process.hear(hear));
    };
    const fail = (outcome: 'not-applied' | 'unknown') =>
      answer(outcome, () => reject(new StorageError('simulated', { outcome })));
    const arrive = async () => {
      if (!process.alive && !fate.outlivesSender) return;
      if (fate.fault === 'not-applied' || weather.isDown(place) || weather.isDown(this.name)) {
        return fail('not-applied');
      }
      if (fate.fault === 'unknown-lost') return fail('unknown');
      if (fate.fault === 'unknown-late') {
        fail('unknown');
        scheduler.after(fate.afterMs + weather.lateMs(), () => void effect(op).catch(() => {}));
        return;
      }
      try {
        const result = await effect(op);
        if (fate.fault === 'unknown-applied') fail('unknown');
        else answer('ok', () => resolve(result), result);
      } catch (error) {
        if (error instanceof QueueError) answer('refused', () => reject(error));
        else if (error instanceof StorageError) answer('not-applied', () => reject(error));
        else throw error;
      }
    };
    scheduler.after(fate.beforeMs, () => void arrive());
  }
}

/** Asks the engine, which may sleep. */
function isThere(process: EngineProcess, owner: PartitionOwner): Promise<unknown> {
  return new Promise((resolve) => {
    process.hear(() => resolve(owner.isThere().catch(() => false)));
  });
}
