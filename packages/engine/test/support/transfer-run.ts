import {
  type Clock,
  type ItemFilter,
  type JsonValue,
  type QueueStore,
  type StorageBackend,
  silentLogger,
  type Task,
} from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { QueueManager } from '../../src/manager/queue-manager.ts';
import { engineDeps } from '../../src/service/engine-options.ts';
import type { AdmitMove } from '../../src/tasks/kinds/admission.ts';
import { TransferItems } from '../../src/tasks/kinds/transfer-items.ts';
import type { StepResult, TaskKind } from '../../src/tasks/task-kind.ts';
import { TaskQueues } from '../../src/tasks/task-queues.ts';

const BUDGET = { items: 3, signal: new AbortController().signal };

/** What a process works on. */
export interface TransferStorage {
  readonly clock: Clock;
  readonly queueStore: QueueStore;
  readonly storages: readonly { readonly backend: StorageBackend; readonly affinity: number }[];
  readonly admit?: AdmitMove;
}

/** A task that moves items. */
export interface TransferAsk {
  readonly queueName: string;
  readonly to?: string;
  readonly filter?: ItemFilter;
  readonly dryRun?: boolean;
}

/** Runs the steps of one task that moves items, as a process that works on it does. */
export class TransferRun {
  readonly #storage: TransferStorage;
  readonly #kind: TaskKind;
  readonly #task: Task;
  checkpoint: JsonValue | undefined;
  /** Whether the process still has the task. */
  isHeld = true;
  readonly #budget = { ...BUDGET, stillHeld: async () => this.isHeld };
  counts = { matched: 0, done: 0, failed: 0 };
  end: StepResult['end'];

  private constructor(storage: TransferStorage, kind: TaskKind, task: Task) {
    this.#storage = storage;
    this.#kind = kind;
    this.#task = task;
  }

  /** Creates the task. Without a target, dead letters go to where they came from. */
  static async create(storage: TransferStorage, { queueName, to = '', filter, dryRun = false }: TransferAsk) {
    const { kind, manager } = TransferRun.#process(storage, to === '' ? 'redrive' : 'move');
    const { queue, parameters } = await kind.prepare({ queueName, filter, to }, (_, name) =>
      manager.info(name),
    );
    const { version } = kind;
    const task = {
      id: 'task-1',
      version,
      queue: queue?.name,
      parameters,
      dryRun,
      createdAt: storage.clock.now(),
    };
    return new TransferRun(storage, kind, task as Task);
  }

  static #process({ clock, queueStore: store, storages, admit }: TransferStorage, name: 'redrive' | 'move') {
    const manager = new QueueManager({
      engine: engineDeps({ clock, random: new SeededRandom(), logger: silentLogger }),
      ...{ store, storages, queueSignals: undefined, activated: () => {}, changed: () => {} },
    });
    return { kind: new TransferItems(name, new TaskQueues(manager, storages), admit), manager };
  }

  /** The same task, as a server of before created it. */
  ofVersion(version: number): TransferRun {
    return new TransferRun(this.#storage, this.#kind, { ...this.#task, version });
  }

  /** Another process that goes on with the task where its last stored step ended. */
  takenOver(): TransferRun {
    const { kind } = TransferRun.#process(this.#storage, this.#kind.kind as 'redrive' | 'move');
    const other = new TransferRun(this.#storage, kind, this.#task);
    const { checkpoint, counts, end } = this;
    return Object.assign(other, { checkpoint, counts, end });
  }

  /** @param isStored whether the result of the step is stored, or the process killed before. */
  async step(isStored = true): Promise<void> {
    const result = await this.#kind.step(this.#task, this.checkpoint, this.#budget);
    if (isStored) this.#store(result);
  }

  /** Cancels the task. */
  async undo(): Promise<void> {
    const result = await this.#kind.undo?.(this.#task, this.checkpoint, this.#budget);
    if (result === undefined) throw new Error('the kind of task has an undo');
    this.#store(result);
  }

  async toEnd(): Promise<TransferRun> {
    for (let steps = 0; this.end === undefined; steps++) {
      if (steps > 500) throw new Error('the task does not end');
      await this.step();
    }
    return this;
  }

  #store({ matched, done, failed, checkpoint, end }: StepResult): void {
    const { counts } = this;
    this.counts = {
      ...{ matched: counts.matched + matched, done: counts.done + done, failed: counts.failed + failed },
    };
    this.checkpoint = checkpoint;
    this.end = end;
  }
}
