import {
  type Clock,
  errorText,
  type Instant,
  invalid,
  type JsonValue,
  LIMITS,
  milliseconds,
  millisecondsBetween,
  type PartitionOwner,
  type PartitionPlacement,
  type Queue,
  QueueError,
  type QueueStore,
  type StorageBackend,
  type Task,
  unavailable,
  verbatim,
} from '@querator/core';
import type { PartitionStorage } from '../../manager/placements.ts';
import type { QueueManager } from '../../manager/queue-manager.ts';
import { keyPartitions } from '../../partition/key-places.ts';
import { spreadSize } from '../../partition/queue-spread.ts';
import { canSpread, earlierEnds, fenceAll, fenceNew, type KeyFencesDeps } from '../resizes/key-fences.ts';
import { LeavingPartitions, type LeavingPartitionsDeps } from '../resizes/leaving-partitions.ts';
import { ResizeRecord } from '../resizes/resize-record.ts';
import { isOutage, reasonOf } from '../step-failure.ts';
import type { JudgeQueue, PreparedTask, StepBudget, StepResult, TaskCall, TaskKind } from '../task-kind.ts';
import type { RequireStorage } from './move-partition.ts';

/** What every process on the storage of the queues must know while a queue is resized. */
const RESIZE = 'queues.resize.dedup';

/** How long a task waits before it looks again whether a partition is empty. */
const LOOK_AGAIN = milliseconds(1_000);

/** How long a step may go on with further partitions. */
const STEP_MS = 400;

type Parameters = {
  readonly queueCreatedAt: string;
  readonly from: number;
  readonly to: number;
  readonly last: string;
  /** The names of the storages of the partitions that the queue gets, or loses. */
  readonly storages: readonly string[];
  /** Which of them each of those is on. */
  readonly places: readonly number[];
};

/** How far a resize has come. */
interface Place {
  /** The first partition that is not known to be usable. */
  readonly at: number;
}

export interface ResizeQueueDeps {
  readonly clock: Clock;
  readonly manager: QueueManager;
  readonly store: QueueStore;
  readonly storages: readonly PartitionStorage[];
  readonly requireStorage: RequireStorage;
  readonly requireCapability: (capability: string) => Promise<void> | undefined;
}

/** Gives a queue more partitions, or fewer, while producers and consumers work (docs/adr/0043-a-queue-is-resized-by-its-record.md). */
export class ResizeQueue implements TaskKind {
  readonly kind = 'resize';
  readonly version = 2;
  readonly structural = true;
  /** It refuses some of them itself, and says which it takes. */
  readonly takes = ['partitions', 'partition', 'storageName', 'force'] as const;
  readonly capability = RESIZE;
  readonly #deps: ResizeQueueDeps;
  readonly #storages: ReadonlyMap<string, StorageBackend>;
  /** The partitions whose leaving this process works on, by task. */
  readonly #leaving = new Map<string, LeavingPartitions>();

  constructor(deps: ResizeQueueDeps) {
    this.#deps = deps;
    this.#storages = new Map(deps.storages.map(({ backend }) => [backend.name, backend]));
  }

  /** @throws QueueError `invalid`, `retry`, and what `judge` throws. */
  async prepare(call: TaskCall, judge: JudgeQueue): Promise<PreparedTask> {
    const { queueName, partition = 0, storageName = '', filter = {}, to, partitions = 0, force } = call;
    if (Object.values(filter).some((condition) => condition !== undefined))
      throw invalid('filter is invalid; a resize concerns all items of the queue');
    for (const [field, isGiven] of [
      ['to', to !== ''],
      ['partition', partition !== 0],
      ['storage_name', storageName !== ''],
      ['force', force === true],
    ] as const) {
      if (isGiven)
        throw invalid(
          errorText`${verbatim(field)} is invalid; a task of the kind 'resize' takes partitions instead`,
        );
    }
    if (partitions < 1) throw invalid('partitions is invalid; cannot be less than 1');
    if (partitions > LIMITS.partitions)
      throw invalid(errorText`partitions is invalid; cannot be greater than ${LIMITS.partitions}`);
    const queue = await judge('queue.update', queueName);
    const from = queue.partitions.length;
    if (partitions === from)
      throw invalid(errorText`partitions is invalid; that is the number of partitions that the queue has`);
    this.#checkSpread(queue, partitions);
    const placements =
      partitions > from
        ? await this.#deps.manager.placements.choose(partitions - from)
        : queue.partitions.slice(partitions);
    const storages = [...new Set(placements.map(({ storageName: name }) => name))];
    this.#checkStorages(storages);
    await this.#requireProcesses(storages);
    const parameters: Parameters = {
      ...{ queueCreatedAt: String(queue.createdAt), from, to: partitions, last: queue.resizes?.last ?? '' },
      ...{ storages, places: placements.map(({ storageName: name }) => storages.indexOf(name)) },
    };
    return { queue, parameters, addsPartitions: Math.max(partitions - from, 0) };
  }

  async step(task: Task, checkpoint: JsonValue | undefined, budget: StepBudget): Promise<StepResult> {
    const parameters = task.parameters as Parameters;
    const { from, to, storages } = parameters;
    if (task.dryRun) return this.#count(task);
    const record = this.#record(task);
    let isOurs = false;
    try {
      const known = this.#leaving.get(task.id);
      isOurs = known?.generation === task.generation;
      if (known !== undefined && isOurs) return await this.#leave(task, record, known, checkpoint);
      const found = await record.takeOver();
      isOurs = true;
      if (found.state === 'ended') return ended(checkpoint);
      if (found.state === 'deleted') return await this.#deleted(task, record, checkpoint, budget);
      if (to < from) {
        const leaving = this.#leavingOf(task, record, found.queue, budget);
        return await this.#leave(task, record, leaving, checkpoint);
      }
      if (found.queue.partitions.length === from) {
        await this.#requireProcesses(storages);
        await record.append(placementsOf(parameters));
        return went({ at: from }, to - from, to - from);
      }
      return await this.#open(task, { record, queue: found.queue }, checkpoint, budget);
    } catch (error) {
      this.#leaving.delete(task.id);
      if (!(error instanceof QueueError) || isOutage(error)) throw error;
      // It cannot go on, and must not leave a partition behind that takes nothing.
      if (isOurs) await this.undo(task, checkpoint, budget);
      return ended(checkpoint, { error: reasonOf(error) });
    }
  }

  /**
   * Goes back. If the queue has its new partitions already, the resize is finished. Partitions that it has lost
   * are not made again.
   */
  async undo(task: Task, checkpoint: JsonValue | undefined, budget: StepBudget): Promise<StepResult> {
    const { from, to } = task.parameters as Parameters;
    if (task.dryRun) return ended(checkpoint);
    const record = this.#record(task);
    this.#leaving.delete(task.id);
    const found = await record.takeOver();
    if (found.state === 'deleted') return this.#deleted(task, record, checkpoint, budget);
    if (found.state === 'runs' && found.queue.partitions.length > from)
      return this.#open(task, { record, queue: found.queue }, checkpoint, budget);
    if (found.state === 'runs' && to < from) {
      const { queue } = found;
      await this.#leavingOf(task, record, queue, budget).undo();
      // Keys may go to those again that stay.
      const { length } = queue.partitions;
      const fences = this.#fences(task);
      const isAsBefore = keyPartitions(queue) === length || !canSpread(queue.partitions, fences);
      await record.end(isAsBefore ? undefined : await fenceAll(queue, length, fences));
    } else if (found.state === 'runs') await record.end();
    return ended(checkpoint);
  }

  /** Makes the new partitions usable where one of that number has left before, and lets dedup keys go there. */
  async #open(
    task: Task,
    { record, queue }: { readonly record: ResizeRecord; readonly queue: Queue },
    checkpoint: JsonValue | undefined,
    { signal, stillHeld }: StepBudget,
  ): Promise<StepResult> {
    const { clock } = this.#deps;
    const parameters = task.parameters as Parameters;
    const start = clock.now();
    let { at } = (checkpoint ?? { at: parameters.from }) as unknown as Place;
    const fences = this.#fences(task);
    const spreads = canSpread(queue.partitions, fences);
    // Otherwise a later resize may have closed one of these partitions for good.
    if (!(await stillHeld())) return went({ at });
    for (const placement of placementsOf(parameters).slice(at - parameters.from)) {
      if (signal.aborted || millisecondsBetween(start, clock.now()) >= STEP_MS) return went({ at });
      // Before it is usable: a server with settings of long ago may send it keys.
      if (spreads) await fenceNew(queue, placement, fences);
      await fences.moveStore(placement)?.readmit?.();
      at = placement.partition + 1;
    }
    if (!spreads) await record.end();
    else await record.end(await fenceAll(queue, parameters.to, fences));
    return { ...went({ at }), end: 'done' };
  }

  /** The queue loses its last partitions, once they are empty. */
  async #leave(
    task: Task,
    record: ResizeRecord,
    leaving: LeavingPartitions,
    checkpoint: JsonValue | undefined,
  ): Promise<StepResult> {
    const { from, to, storages } = task.parameters as Parameters;
    await this.#requireProcesses(storages);
    const { left, holdsItems, holdsKeys } = await leaving.step();
    this.#leaving.set(task.id, leaving);
    const isFirst = checkpoint === undefined || checkpoint === null;
    const counts = went({ at: to }, isFirst ? from - to : 0, left);
    if (holdsItems !== undefined) {
      const remark = `consumers have to empty partition ${holdsItems} first, and then ${holdsItems - to} more`;
      return { ...counts, remark, pause: LOOK_AGAIN };
    }
    if (holdsKeys !== undefined) {
      const { partition, forMs } = holdsKeys;
      const remark = `dedup keys in partition ${partition} last for another ${Math.ceil(forMs / 1_000)} s`;
      return { ...counts, remark, pause: LOOK_AGAIN };
    }
    await record.end();
    this.#leaving.delete(task.id);
    return { ...counts, end: 'done' };
  }

  /** Ends a task whose queue is gone. Its partitions have gone with it. */
  async #deleted(
    task: Task,
    record: ResizeRecord,
    checkpoint: JsonValue | undefined,
    budget: StepBudget,
  ): Promise<StepResult> {
    const { from, to } = task.parameters as Parameters;
    if (to < from) await this.#leavingOf(task, record, undefined, budget).undo();
    return ended(checkpoint, { error: 'the queue was deleted' });
  }

  /** @param queue undefined: it was deleted. */
  #leavingOf(
    task: Task,
    record: ResizeRecord,
    queue: Queue | undefined,
    { stillHeld }: StepBudget,
  ): LeavingPartitions {
    const parameters = task.parameters as Parameters;
    const fences = this.#fences(task);
    const deps: LeavingPartitionsDeps = {
      ...{ claim: { task: task.id, generation: task.generation }, record },
      placements: placementsOf(parameters),
      moveStore: (placement) => {
        const moves = fences.moveStore(placement);
        if (moves !== undefined) return moves;
        throw unavailable('retry', errorText`storage '${placement.storageName}' cannot resize queues`);
      },
      moveKeys: async () => {
        if (queue === undefined) return new Map();
        const stored = queue.resizes?.keys;
        const isAsBefore = keyPartitions(queue) === parameters.to || !canSpread(queue.partitions, fences);
        const keys = isAsBefore ? stored : await fenceAll(queue, parameters.to, fences);
        if (keys !== stored || parameters.to < spreadSize(queue)) await record.spread(keys, parameters.to);
        return keys === undefined ? new Map() : earlierEnds(keys);
      },
      nowMs: async ({ storageName }) => {
        const now = await this.#storage(storageName).now?.();
        return Number((now ?? this.#deps.clock.now()) / 1_000n);
      },
      checkHeld: async () => {
        if (!(await stillHeld())) throw unavailable('retry', 'another process works on the task');
      },
    };
    return new LeavingPartitions(deps, queue?.partitions.length ?? 0);
  }

  #fences(task: Task): KeyFencesDeps {
    const { queueCreatedAt } = task.parameters as Parameters;
    const owner = this.#owner(task.queue, BigInt(queueCreatedAt) as Instant);
    return {
      moveStore: ({ partition, storageName }) =>
        this.#storage(storageName).moveStore?.({ queue: task.queue, partition }, owner),
      nowMs: Number(this.#deps.clock.now() / 1_000n),
    };
  }

  /** The partitions that the queue would get, or the items in those that it would lose. */
  async #count(task: Task): Promise<StepResult> {
    const parameters = task.parameters as Parameters;
    const { from, to, queueCreatedAt } = parameters;
    if (to > from) return { ...went(undefined, to - from), end: 'done' };
    const owner = this.#owner(task.queue, BigInt(queueCreatedAt) as Instant);
    let items = 0;
    for (const { partition, storageName } of placementsOf(parameters)) {
      const store = this.#storage(storageName).partitionStore({ queue: task.queue, partition }, owner);
      const { waiting, leased, scheduled } = await store.stats({ createNothing: true });
      items += waiting + leased + scheduled;
    }
    return { ...went(undefined, items), end: 'done' };
  }

  #record(task: Task): ResizeRecord {
    const { manager, store } = this.#deps;
    const { queueCreatedAt, ...aim } = task.parameters as Parameters;
    const createdAt = BigInt(queueCreatedAt) as Instant;
    return new ResizeRecord({
      claim: { task: task.id, generation: task.generation },
      aim,
      resize: async (change) => {
        if (store.resize === undefined) throw cannotResize();
        return store.resize(task.queue, createdAt, change);
      },
      changed: (queue) => manager.changing(task.queue, '', () => manager.changed(task.queue, queue)),
    });
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

  /** @throws QueueError `invalid` if a driver cannot resize queues. */
  #checkStorages(names: readonly string[]): void {
    if (this.#deps.store.resize === undefined) throw cannotResize();
    for (const name of names) {
      if (this.#storage(name).capabilities.resize === true) continue;
      throw invalid(errorText`partitions is invalid; storage '${name}' cannot resize queues`);
    }
  }

  /** @throws QueueError `invalid` if what must be found again could not be, in partitions that leave. */
  #checkSpread({ name, createdAt, ...queue }: Queue, partitions: number): void {
    const owner = this.#owner(name, createdAt);
    const kept = Math.max(spreadSize(queue), keyPartitions(queue));
    const canLeave = queue.partitions.slice(partitions, kept).every(({ partition, storageName }) => {
      const key = { queue: name, partition };
      const storage = this.#storage(storageName);
      const findsLetters = storage.partitionStore(key, owner).findLetters !== undefined;
      return findsLetters && storage.moveStore?.(key, owner).fenceKeys !== undefined;
    });
    if (canLeave) return;
    throw invalid(
      errorText`partitions is invalid; the queue keeps its first ${kept} partitions, which a storage cannot let go`,
    );
  }

  async #requireProcesses(storages: readonly string[]): Promise<void> {
    const { requireCapability, requireStorage } = this.#deps;
    await requireCapability(RESIZE);
    for (const name of storages) {
      await requireStorage({ name, shared: this.#storage(name).capabilities.shared });
    }
  }
}

/** The partitions that the queue gets, or loses. */
function placementsOf({ from, to, storages, places }: Parameters): readonly PartitionPlacement[] {
  return places.map((place, n) => ({
    partition: Math.min(from, to) + n,
    storageName: storages[place] ?? '',
  }));
}

function cannotResize(): QueueError {
  return invalid(
    'partitions is invalid; the storage of the queues cannot change how many partitions a queue has',
  );
}

function went(place: Place | undefined, matched = 0, done = 0): StepResult {
  return { matched, done, failed: 0, checkpoint: (place ?? null) as unknown as JsonValue };
}

function ended(checkpoint: JsonValue | undefined, end: StepResult['end'] = 'done'): StepResult {
  return { ...went((checkpoint ?? undefined) as unknown as Place | undefined), end };
}
