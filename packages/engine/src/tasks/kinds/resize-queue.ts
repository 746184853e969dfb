import {
  type Clock,
  errorText,
  type Instant,
  invalid,
  type JsonValue,
  milliseconds,
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
import { keyPartitions } from '../../partition/key-places.ts';
import { spreadSize } from '../../partition/queue-spread.ts';
import { canSpread, earlierEnds, fenceAll, fenceNew, type KeyFencesDeps } from '../resizes/key-fences.ts';
import { LeavingItems, type LeavingPlace } from '../resizes/leaving-items.ts';
import { LeavingPartitions, type LeavingPartitionsDeps, remarkOn } from '../resizes/leaving-partitions.ts';
import { cannotResize, checkItemsCanMove, checkResizeCall } from '../resizes/resize-call.ts';
import { placementsOf, type ResizeParameters } from '../resizes/resize-parameters.ts';
import { ResizeRecord } from '../resizes/resize-record.ts';
import { isOutage, reasonOf } from '../step-failure.ts';
import type {
  AskedItems,
  JudgeQueue,
  PreparedTask,
  StepBudget,
  StepResult,
  TaskCall,
  TaskKind,
} from '../task-kind.ts';
import { TaskQueues } from '../task-queues.ts';
import type { RequireStorage } from './move-partition.ts';

/** What every process on the storage of the queues must know while a queue is resized. */
const RESIZE = 'queues.resize.dedup';
/** The same while a queue is resized whose items move. */
const RESIZE_MOVE = 'queues.resize.move';

/** How long a task waits before it looks again whether a partition is empty. */
const LOOK_AGAIN = milliseconds(1_000);

/** How long a step may go on with further partitions. */
const STEP_MS = 400;

/** How far a resize has come. */
interface Place {
  /** The first partition that is not known to be usable. */
  readonly at: number;
  /** How far its items have moved. */
  readonly items?: LeavingPlace;
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
  /** From version 3 on, items of partitions that leave may move. */
  readonly version = 3;
  readonly structural = true;
  /** It refuses some of them itself, and says which it takes. */
  readonly takes = ['partitions', 'partition', 'storageName', 'force'] as const;
  readonly capability = RESIZE;
  readonly #deps: ResizeQueueDeps;
  readonly #storages: ReadonlyMap<string, StorageBackend>;
  readonly #queues: TaskQueues;
  /** The partitions whose leaving this process works on, by task. */
  readonly #leaving = new Map<string, LeavingPartitions>();

  constructor(deps: ResizeQueueDeps) {
    this.#deps = deps;
    this.#storages = new Map(deps.storages.map(({ backend }) => [backend.name, backend]));
    this.#queues = new TaskQueues(deps.manager, deps.storages);
  }

  /** @throws QueueError `invalid`, `retry`, and what `judge` throws. */
  async prepare(call: TaskCall, judge: JudgeQueue): Promise<PreparedTask> {
    checkResizeCall(call);
    const { queueName, partitions = 0, move = false } = call;
    const queue = await judge('queue.update', queueName);
    const from = queue.partitions.length;
    if (partitions === from)
      throw invalid(errorText`partitions is invalid; that is the number of partitions that the queue has`);
    if (move) checkItemsCanMove(queue, partitions, (name) => this.#storage(name));
    this.#checkSpread(queue, partitions);
    const placements =
      partitions > from
        ? await this.#deps.manager.placements.choose(partitions - from)
        : queue.partitions.slice(partitions);
    const storages = [...new Set(placements.map(({ storageName: name }) => name))];
    this.#checkStorages(storages);
    await this.#requireProcesses({ storages, ...(move && { move }) });
    const parameters: ResizeParameters = {
      ...{ queueCreatedAt: String(queue.createdAt), from, to: partitions, last: queue.resizes?.last ?? '' },
      ...{ storages, places: placements.map(({ storageName: name }) => storages.indexOf(name)) },
      ...(move && { move }),
    };
    const version = move ? 3 : 2;
    return { queue, parameters, version, addsPartitions: Math.max(partitions - from, 0) };
  }

  /** If items move, they go to the queue that they are in. */
  askedFor({ parameters, queue }: Pick<Task, 'parameters' | 'queue'>): AskedItems | undefined {
    return (parameters as ResizeParameters).move ? { filter: {}, to: queue } : undefined;
  }

  async step(task: Task, checkpoint: JsonValue | undefined, budget: StepBudget): Promise<StepResult> {
    const parameters = task.parameters as ResizeParameters;
    const { from, to } = parameters;
    if (task.dryRun) return this.#count(task);
    const record = this.#record(task);
    let isOurs = false;
    try {
      const known = this.#leaving.get(task.id);
      isOurs = known?.generation === task.generation;
      if (known !== undefined && isOurs)
        return await this.#leave(task, { record, leaving: known }, checkpoint, budget);
      const found = await record.takeOver();
      isOurs = true;
      if (found.state === 'ended') return ended(checkpoint);
      if (found.state === 'deleted') return await this.#deleted(task, record, checkpoint, budget);
      if (to < from) {
        const leaving = this.#leavingOf(task, record, found.queue, budget);
        return await this.#leave(task, { record, leaving }, checkpoint, budget);
      }
      if (found.queue.partitions.length === from) {
        await this.#requireProcesses(parameters);
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
    const { from, to, move } = task.parameters as ResizeParameters;
    if (task.dryRun) return ended(checkpoint);
    const record = this.#record(task);
    this.#leaving.delete(task.id);
    const found = await record.takeOver();
    if (found.state === 'deleted') return this.#deleted(task, record, checkpoint, budget);
    if (found.state === 'runs' && found.queue.partitions.length > from)
      return this.#open(task, { record, queue: found.queue }, checkpoint, budget);
    if (found.state === 'runs' && to < from) {
      const { queue } = found;
      const moved = move ? ((await (await this.#leavingItems(task))?.undo()) ?? 0) : 0;
      await this.#leavingOf(task, record, queue, budget).undo();
      // Keys may go to those again that stay.
      const { length } = queue.partitions;
      const fences = this.#fences(task);
      const isAsBefore = keyPartitions(queue) === length || !canSpread(queue.partitions, fences);
      await record.end(isAsBefore ? undefined : await fenceAll(queue, length, fences));
      return { ...ended(checkpoint), matched: moved, done: moved };
    }
    if (found.state === 'runs') await record.end();
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
    const parameters = task.parameters as ResizeParameters;
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
    { record, leaving }: { readonly record: ResizeRecord; readonly leaving: LeavingPartitions },
    checkpoint: JsonValue | undefined,
    budget: StepBudget,
  ): Promise<StepResult> {
    const parameters = task.parameters as ResizeParameters;
    const { from, to, move } = parameters;
    await this.#requireProcesses(parameters);
    const found = await leaving.step();
    this.#leaving.set(task.id, leaving);
    const isFirst = checkpoint === undefined || checkpoint === null;
    const counts = move ? went({ at: to }) : went({ at: to }, isFirst ? from - to : 0, found.left);
    const remark = remarkOn(found, parameters);
    if (remark !== undefined && move) return this.#move(task, remark, checkpoint, budget);
    if (remark !== undefined) return { ...counts, remark, pause: LOOK_AGAIN };
    await record.end();
    this.#leaving.delete(task.id);
    return { ...counts, end: 'done' };
  }

  /** Items of the partitions that are to leave move to those that stay. @param remark what remains when none can move. */
  async #move(
    task: Task,
    remark: string,
    checkpoint: JsonValue | undefined,
    budget: StepBudget,
  ): Promise<StepResult> {
    const { to: at } = task.parameters as ResizeParameters;
    const items = await this.#leavingItems(task);
    if (items === undefined) throw unavailable('retry', 'the queue was deleted');
    const { items: place = { partition: at } } = (checkpoint ?? { at }) as unknown as Place;
    const { matched, done, pause, place: next } = await items.step(place, budget);
    return { ...went({ at, items: next }, matched, done), ...(pause && { pause, remark }) };
  }

  /** Undefined: the queue was deleted. */
  async #leavingItems(task: Task): Promise<LeavingItems | undefined> {
    const { queueCreatedAt, to: stays } = task.parameters as ResizeParameters;
    const { clock } = this.#deps;
    const queues = this.#queues;
    const queue = await queues.active(task.queue, queueCreatedAt);
    return queue && new LeavingItems({ clock, queues, queue, task, stays });
  }

  /** Ends a task whose queue is gone. Its partitions have gone with it. */
  async #deleted(
    task: Task,
    record: ResizeRecord,
    checkpoint: JsonValue | undefined,
    budget: StepBudget,
  ): Promise<StepResult> {
    const { from, to } = task.parameters as ResizeParameters;
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
    const parameters = task.parameters as ResizeParameters;
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
    const { queueCreatedAt } = task.parameters as ResizeParameters;
    const owner = this.#owner(task.queue, BigInt(queueCreatedAt) as Instant);
    return {
      moveStore: ({ partition, storageName }) =>
        this.#storage(storageName).moveStore?.({ queue: task.queue, partition }, owner),
      nowMs: Number(this.#deps.clock.now() / 1_000n),
    };
  }

  /** The partitions that the queue would get, or the items in those that it would lose: all, or those that would move. */
  async #count(task: Task): Promise<StepResult> {
    const parameters = task.parameters as ResizeParameters;
    const { from, to, queueCreatedAt, move } = parameters;
    if (to > from) return { ...went(undefined, to - from), end: 'done' };
    const owner = this.#owner(task.queue, BigInt(queueCreatedAt) as Instant);
    let items = 0;
    for (const { partition, storageName } of placementsOf(parameters)) {
      const store = this.#storage(storageName).partitionStore({ queue: task.queue, partition }, owner);
      const { waiting, leased, scheduled } = await store.stats({ createNothing: true });
      items += waiting + scheduled + (move ? 0 : leased);
    }
    return { ...went(undefined, items), end: 'done' };
  }

  #record(task: Task): ResizeRecord {
    const { manager, store } = this.#deps;
    const { queueCreatedAt, ...aim } = task.parameters as ResizeParameters;
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

  async #requireProcesses({ storages, move }: Pick<ResizeParameters, 'storages' | 'move'>): Promise<void> {
    const { requireCapability, requireStorage } = this.#deps;
    await requireCapability(RESIZE);
    if (move) await requireCapability(RESIZE_MOVE);
    for (const name of storages) {
      await requireStorage({ name, shared: this.#storage(name).capabilities.shared });
    }
  }
}

function went(place: Place | undefined, matched = 0, done = 0): StepResult {
  return { matched, done, failed: 0, checkpoint: (place ?? null) as unknown as JsonValue };
}

function ended(checkpoint: JsonValue | undefined, end: StepResult['end'] = 'done'): StepResult {
  return { ...went((checkpoint ?? undefined) as unknown as Place | undefined), end };
}
