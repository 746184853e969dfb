import {
  type Clock,
  errorText,
  type Instant,
  invalid,
  type JsonValue,
  millisecondsBetween,
  type PartitionOwner,
  type Queue,
  QueueError,
  type QueueStore,
  type StorageBackend,
  type Task,
  unavailable,
} from '@querator/core';
import type { PartitionStorage } from '../../manager/placements.ts';
import type { QueueManager } from '../../manager/queue-manager.ts';
import { type CopyBasis, PartitionMove } from '../moves/partition-move.ts';
import type { Draining } from '../placing/draining.ts';
import { isOutage, reasonOf } from '../step-failure.ts';
import type { JudgeQueue, PreparedTask, StepBudget, StepResult, TaskCall, TaskKind } from '../task-kind.ts';

/** What every process on the storage of the queues must know while a partition moves. */
const MOVE_PARTITION = 'tasks.move_partition';

/** How long a step may go on with further pages. */
const STEP_MS = 400;

type Parameters = {
  readonly queueCreatedAt: string;
  readonly partition: number;
  readonly from: string;
  readonly to: string;
};

/** Which partition moves, and to which storage. */
export interface MoveTo {
  readonly partition: number;
  readonly storageName: string;
}

/** How far a move has come. */
interface Place extends CopyBasis {
  /** `empty`: the copy begins. `items`, `keys`: it goes on. `follow`: it is complete, and follows the changes. */
  readonly phase: 'empty' | 'items' | 'keys' | 'follow';
  /** Where the next page of items or keys begins. Undefined: at the first one. */
  readonly at?: string | undefined;
}

/**
 * Checks the processes that run.
 *
 * @returns undefined if every process has the storage, and there is only one if processes cannot share it.
 * @throws QueueError `retry` with the reason `unavailable`, which names a process.
 */
export type RequireStorage = (storage: {
  readonly name: string;
  readonly shared: boolean;
}) => Promise<void> | undefined;

export interface MovePartitionDeps {
  readonly clock: Clock;
  readonly manager: QueueManager;
  readonly store: QueueStore;
  readonly storages: readonly PartitionStorage[];
  readonly requireStorage: RequireStorage;
  readonly requireCapability: (capability: string) => Promise<void> | undefined;
  readonly draining: Pick<Draining, 'storages'>;
}

/** Moves a partition to another storage, while producers and consumers work. */
export class MovePartition implements TaskKind {
  readonly kind = 'move_partition';
  readonly version = 1;
  readonly structural = true;
  readonly takes = ['partition', 'partitions', 'storageName', 'force'] as const;
  readonly capability = MOVE_PARTITION;
  readonly #deps: MovePartitionDeps;
  readonly #storages: ReadonlyMap<string, StorageBackend>;
  /** The moves that this process works on, or did so last, by task. */
  readonly #moves = new Map<string, PartitionMove>();

  constructor(deps: MovePartitionDeps) {
    this.#deps = deps;
    this.#storages = new Map(deps.storages.map(({ backend }) => [backend.name, backend]));
  }

  /** @throws QueueError `invalid`, `retry`, and what `judge` throws. */
  async prepare(call: TaskCall, judge: JudgeQueue): Promise<PreparedTask> {
    const { queueName, partition = 0, storageName = '', filter = {}, to, force, partitions = 0 } = call;
    if (Object.values(filter).some((condition) => condition !== undefined))
      throw invalid('filter is invalid; a partition moves with all its items');
    if (to !== '')
      throw invalid("to is invalid; a task of the kind 'move_partition' has storage_name instead");
    if (partitions !== 0)
      throw invalid("partitions is invalid; a task of the kind 'move_partition' has partition instead");
    const queue = await judge('queue.update', queueName, 'system');
    return { queue, parameters: await this.admit(queue, { partition, storageName, force }) };
  }

  /**
   * Checks that a partition can move there now.
   *
   * @returns the parameters of the task.
   * @throws QueueError `invalid`, `retry`; StorageError.
   */
  async admit(
    queue: Queue,
    { partition, storageName, force }: Pick<TaskCall, 'force'> & MoveTo,
  ): Promise<JsonValue> {
    const placement = queue.partitions[partition];
    if (placement === undefined) {
      throw invalid(
        errorText`partition is invalid; '${partition}' is not a valid partition`,
        'no_such_partition',
      );
    }
    const source = this.#storages.get(placement.storageName);
    const target = this.#storages.get(storageName);
    if (storageName === '') throw invalid('storage_name is invalid; cannot be empty');
    if (target === undefined)
      throw invalid(errorText`storage_name is invalid; no such storage '${storageName}'`);
    if (source === target) {
      throw invalid(errorText`storage_name is invalid; the partition is on storage '${storageName}' already`);
    }
    if (this.#deps.draining.storages().has(storageName)) {
      throw invalid(errorText`storage_name is invalid; storage '${storageName}' is to be emptied`);
    }
    if (source === undefined) {
      throw unavailable(
        'retry',
        errorText`storage '${placement.storageName}' of the partition is not configured`,
      );
    }
    for (const { name, capabilities } of [source, target]) {
      if (capabilities.moves === true && this.#deps.store.place !== undefined) continue;
      throw invalid(errorText`storage_name is invalid; partitions cannot move from or to storage '${name}'`);
    }
    if (source.capabilities.durable && !target.capabilities.durable && force !== true) {
      throw invalid(
        errorText`storage_name is invalid; items do not survive a restart on storage '${storageName}', use force to move there`,
      );
    }
    await this.#requireStorages(source, target);
    const parameters: Parameters = {
      queueCreatedAt: String(queue.createdAt),
      ...{ partition, from: source.name, to: target.name },
    };
    return parameters;
  }

  async step(task: Task, checkpoint: JsonValue | undefined, budget: StepBudget): Promise<StepResult> {
    const place = (checkpoint ?? undefined) as Place | undefined;
    if (task.dryRun) return this.#count(task);
    const move = this.#moveOf(task);
    try {
      const whereabouts = await move.whereabouts();
      if (whereabouts === 'moving') return await this.#copy(task, move, place, budget);
      return await this.#end(task, move, whereabouts, place);
    } catch (error) {
      // The next step looks again where the partition is, and what both ends are.
      this.#moves.delete(task.id);
      if (!(error instanceof QueueError) || isOutage(error)) throw error;
      // The move cannot go on, and must not leave anything behind.
      const whereabouts = await move.undo();
      if (whereabouts === 'switched') throw error;
      return this.#ended(task, { error: reasonOf(error) }, place);
    }
  }

  /** Goes back, unless the partition has moved already: then the move is finished. */
  async undo(task: Task, checkpoint: JsonValue | undefined): Promise<StepResult> {
    if (!task.dryRun) await this.#moveOf(task).undo();
    return this.#ended(task, 'done', (checkpoint ?? undefined) as Place | undefined);
  }

  async #copy(
    task: Task,
    move: PartitionMove,
    place: Place | undefined,
    budget: StepBudget,
  ): Promise<StepResult> {
    const basis = await move.basis(place);
    // A copy on another basis begins anew, and is removed only once that is written down.
    if (place === undefined || basis !== place) return went({ ...basis, phase: 'empty' });
    if (place.phase === 'empty') {
      await move.empty();
      return went({ ...basisOf(place), phase: 'items' });
    }
    if (place.phase === 'follow') return this.#follow(move, place, budget);
    return this.#copyPages(task, move, place, budget);
  }

  async #copyPages(
    task: Task,
    move: PartitionMove,
    place: Place,
    { items: limit, signal }: StepBudget,
  ): Promise<StepResult> {
    const { clock } = this.#deps;
    const start = clock.now();
    let { phase, at } = place;
    let copied = 0;
    do {
      if (phase === 'items') {
        const page = await move.copyItems(at, limit, place);
        copied += page.copied;
        at = page.next;
        if (at === undefined) phase = 'keys';
      } else {
        at = await move.copyKeys(at, limit, place);
        if (at === undefined) phase = 'follow';
      }
      const { anew } = await move.applyChanges(place, phase === 'items' ? at : undefined);
      if (anew) return went({ ...basisOf(place), phase: 'empty' }, copied);
    } while (
      phase !== 'follow' &&
      !signal.aborted &&
      (task.rate === undefined || copied < limit) &&
      millisecondsBetween(start, clock.now()) < STEP_MS
    );
    return went({ ...basisOf(place), phase, ...(at !== undefined && { at }) }, copied);
  }

  async #follow(move: PartitionMove, place: Place, { signal }: StepBudget): Promise<StepResult> {
    const { clock } = this.#deps;
    const start = clock.now();
    for (;;) {
      const changes = await move.applyChanges(place);
      if (changes.anew) return went({ ...basisOf(place), phase: 'empty' });
      if (signal.aborted) return went(place);
      if (move.isNearlyDone(changes)) break;
      if (millisecondsBetween(start, clock.now()) > STEP_MS) return went(place);
    }
    const outcome = await move.switchOver(place);
    return went(outcome === 'anew' ? { ...basisOf(place), phase: 'empty' } : place);
  }

  /** The partition is on the target, or the queue is gone. */
  async #end(
    task: Task,
    move: PartitionMove,
    whereabouts: 'switched' | 'deleted',
    place: Place | undefined,
  ): Promise<StepResult> {
    if (whereabouts === 'deleted') {
      await move.undo();
      return this.#ended(task, { error: 'the queue was deleted' }, place);
    }
    await move.finish();
    return this.#ended(task, 'done', place);
  }

  #ended(task: Task, end: StepResult['end'], place: Place | undefined): StepResult {
    this.#moves.delete(task.id);
    return { ...went(place), end };
  }

  async #count(task: Task): Promise<StepResult> {
    const { from, partition, queueCreatedAt } = task.parameters as Parameters;
    const store = this.#storage(from).partitionStore(
      { queue: task.queue, partition },
      this.#owner(task.queue, BigInt(queueCreatedAt) as Instant),
    );
    const { waiting, leased, scheduled } = await store.stats({ createNothing: true });
    return { ...went(undefined), matched: waiting + leased + scheduled, end: 'done' };
  }

  /** The work of this process on a task. Another one after each time that the task was claimed anew. */
  #moveOf(task: Task): PartitionMove {
    const known = this.#moves.get(task.id);
    if (known?.generation === task.generation) return known;
    const { clock, manager, store } = this.#deps;
    const { partition, queueCreatedAt, from, to } = task.parameters as Parameters;
    const createdAt = BigInt(queueCreatedAt) as Instant;
    const [source, target] = [this.#storage(from), this.#storage(to)];
    const owner = this.#owner(task.queue, createdAt);
    const end = (backend: StorageBackend) => {
      const move = backend.moveStore?.({ queue: task.queue, partition }, owner);
      if (move === undefined) throw unavailable('retry', errorText`storage '${backend.name}' has no moves`);
      return { storageName: backend.name, store: move };
    };
    const move = new PartitionMove({
      clock,
      claim: { task: task.id, generation: task.generation },
      from: end(source),
      to: end(target),
      place: async (change) => store.place?.(task.queue, createdAt, partition, change),
      requireProcesses: () => this.#requireStorages(source, target),
      switched: async () => {
        const stored = await manager.find(task.queue);
        if (stored?.createdAt !== createdAt) return;
        await manager.changing(task.queue, '', () => manager.changed(task.queue, stored));
      },
    });
    this.#moves.set(task.id, move);
    return move;
  }

  #owner(queue: string, createdAt: Instant): PartitionOwner {
    const { store } = this.#deps;
    return {
      createdAt,
      isThere: async () => (await store.get(queue))?.createdAt === createdAt,
      wasDeleted: (created) => store.wasDeleted(queue, created),
    };
  }

  #storage(name: string): StorageBackend {
    const storage = this.#storages.get(name);
    if (storage !== undefined) return storage;
    throw unavailable('retry', errorText`storage '${name}' is not configured on this server`);
  }

  async #requireStorages(...storages: readonly StorageBackend[]): Promise<void> {
    const { requireCapability, requireStorage } = this.#deps;
    await requireCapability(MOVE_PARTITION);
    for (const { name, capabilities } of storages)
      await requireStorage({ name, shared: capabilities.shared });
  }
}

function basisOf({ source, target, shift }: CopyBasis): CopyBasis {
  return { source, target, shift };
}

function went(place: Place | undefined, copied = 0): StepResult {
  return { matched: copied, done: copied, failed: 0, checkpoint: (place ?? null) as unknown as JsonValue };
}
