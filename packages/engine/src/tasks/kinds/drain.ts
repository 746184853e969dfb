import {
  errorText,
  invalid,
  type JsonValue,
  type PartitionPlacement,
  type Queue,
  type QueueStore,
  type StorageBackend,
  type Task,
} from '@querator/core';
import type { PartitionStorage } from '../../manager/placements.ts';
import {
  ChildMoves,
  type ChildMovesDeps,
  IDLE,
  LATER_LOOK,
  LOOK,
  type MovesState,
  NO_MOVES,
  shownMoves,
  USUAL_AT_ONCE,
  type WantedMove,
} from '../placing/child-moves.ts';
import type { Draining } from '../placing/draining.ts';
import { checkWholeServer, fitting, MOST_SHOWN, remarkOn } from '../placing/placing-task.ts';
import { canMove, countByStorage, leastLoaded, takers } from '../placing/storage-choice.ts';
import type {
  JudgeQueue,
  JudgeServer,
  PreparedTask,
  StepBudget,
  StepResult,
  TaskCall,
  TaskKind,
  TaskMove,
} from '../task-kind.ts';

/** The queues of one page of a look through all of them. */
const PAGE = 500;

interface Parameters {
  readonly storage: string;
  readonly atOnce: number;
  readonly force: boolean;
  /** Whether it ends once no server is configured to drain the storage. */
  readonly whileWanted: boolean;
}

interface Checkpoint extends MovesState {
  /** The queue that the look through all queues has come to. Empty: it begins. */
  readonly at: string;
  /** A dry run: the moves that it found. */
  readonly planned?: readonly TaskMove[];
}

export interface DrainDeps extends ChildMovesDeps {
  readonly queueStore: QueueStore;
  readonly storages: readonly PartitionStorage[];
  readonly draining: Draining;
}

/** Empties a storage: its partitions move to others. */
export class Drain implements TaskKind {
  readonly kind = 'drain';
  readonly version = 1;
  readonly structural = false;
  readonly takes = ['storageName', 'force', 'atOnce'] as const;
  readonly #deps: DrainDeps;
  readonly #moves: ChildMoves;

  constructor(deps: DrainDeps) {
    this.#deps = deps;
    this.#moves = new ChildMoves(deps);
  }

  async prepare(call: TaskCall, _: JudgeQueue, judge: JudgeServer): Promise<PreparedTask> {
    checkWholeServer(call, 'drain');
    const { storageName = '', force = false, atOnce = 0 } = call;
    judge('queue.update');
    if (storageName === '') throw invalid('storage_name is invalid; cannot be empty');
    const storage = this.#storage(storageName);
    if (storage === undefined)
      throw invalid(errorText`storage_name is invalid; no such storage '${storageName}'`);
    if (storage.affinity > 0) {
      throw invalid(
        errorText`storage_name is invalid; storage '${storageName}' takes new partitions, set its affinity to 0`,
      );
    }
    return drainTask({ storage: storageName, force, atOnce, whileWanted: false });
  }

  async step(task: Task, checkpoint: JsonValue | undefined, budget: StepBudget): Promise<StepResult> {
    const parameters = task.parameters as unknown as Parameters;
    if (task.dryRun) return this.#plan(parameters, budget);
    const { at, ...before } = readCheckpoint(checkpoint);
    const { state: followed, ...ended } = await this.#moves.follow(before);
    const find = (queue: string) => this.#deps.queueStore.get(queue);
    const state = await this.#moves.withoutStale(followed, find);
    const { store } = this.#deps;
    if (parameters.whileWanted && !this.#isWanted(parameters.storage)) {
      if (state.running.length === 0) await store.requestCancel(task.id);
      return { matched: 0, ...ended, checkpoint: write({ ...state, at }), pause: LOOK };
    }
    return this.#go(task, { ...state, at }, ended, budget);
  }

  /** Asks for the end of the moves that run. What has moved stays moved. */
  async undo(_: Task, checkpoint: JsonValue | undefined): Promise<StepResult> {
    const { at, ...before } = readCheckpoint(checkpoint);
    const { state, ...ended } = await this.#moves.follow(before);
    await this.#moves.cancel(state);
    return { matched: 0, ...ended, checkpoint: write({ ...state, at: '' }), end: 'done' };
  }

  movesOf({ checkpoint }: Task): readonly TaskMove[] {
    const { planned, ...state } = readCheckpoint(checkpoint);
    return planned ?? shownMoves(state);
  }

  async #go(
    task: Task,
    { at, ...state }: Checkpoint,
    ended: { readonly done: number; readonly failed: number },
    budget: StepBudget,
  ): Promise<StepResult> {
    const { storage, atOnce, force } = task.parameters as unknown as Parameters;
    const most = atOnce || USUAL_AT_ONCE;
    const result = (moves: MovesState, next: string, rest: Partial<StepResult> = {}): StepResult => ({
      matched: 0,
      ...{
        ...ended,
        pause: LOOK,
        remark: remarkOn(moves),
        checkpoint: write({ ...moves, at: next }),
      },
      ...rest,
    });
    if (state.running.length >= most) return result(state, at);
    const counts = new Map(await this.#deps.queueStore.partitionCounts());
    const remaining = counts.get(storage) ?? 0;
    const matched = Math.max(task.done + ended.done + remaining - task.matched, 0);
    if (remaining === 0) {
      const isDone = state.running.length === 0;
      return result({ ...state, held: [] }, '', isDone ? { matched, end: 'done' } : { matched });
    }
    const obstacle = this.#obstacle(storage, force);
    if (obstacle !== undefined) return result(state, '', { matched, remark: obstacle, pause: IDLE });
    for (const { to } of state.running) counts.set(to, (counts.get(to) ?? 0) + 1);
    const found = await this.#find(storage, { at, state, counts, force, limit: most - state.running.length });
    let moves: MovesState = state;
    for (const wanted of found.wanted) {
      if (budget.signal.aborted) break;
      moves = await this.#moves.start(task, moves, wanted, { atOnce: most, force, budget });
    }
    // The look goes on at once, unless it has found all that may run, or has seen all queues.
    const isFull = moves.running.length >= most;
    if (found.next !== '' && !isFull) return result(moves, found.next, { matched, pause: undefined });
    if (moves.running.length === 0) return result(moves, found.next, { matched, pause: IDLE });
    return result(moves, found.next, { matched, pause: isFull ? LOOK : LATER_LOOK });
  }

  /** The next partitions that may move, from a place in the order of queues on. */
  async #find(
    storage: string,
    look: {
      readonly at: string;
      readonly state: MovesState;
      readonly counts: Map<string, number>;
      readonly force: boolean;
      readonly limit: number;
    },
  ): Promise<{ readonly wanted: readonly WantedMove[]; readonly next: string }> {
    const { at, state, counts, force, limit } = look;
    const queues = await this.#page(at);
    const wanted: WantedMove[] = [];
    for (const queue of queues) {
      if (wanted.length >= limit) return { wanted, next: queue.name };
      const partition = queue.partitions.find(
        (each) => isOn(each, storage) && this.#moves.mayStart(state, queue.name, each.partition),
      );
      if (partition === undefined) continue;
      const to = this.#target(storage, queue, counts, force);
      if (to !== undefined) wanted.push({ queue, partition: partition.partition, to });
    }
    return { wanted, next: queues.length < PAGE ? '' : (queues.at(-1)?.name ?? '') };
  }

  #page(pivot: string): Promise<readonly Queue[]> {
    return this.#deps.queueStore.list({ namespace: undefined, pivot, limit: PAGE });
  }

  /** Chooses the storage that gets a partition, and counts it there. */
  #target(storage: string, queue: Queue, counts: Map<string, number>, force: boolean): string | undefined {
    const to = leastLoaded(this.#targets(storage, force), counts, countByStorage(queue.partitions));
    if (to !== undefined) counts.set(to, (counts.get(to) ?? 0) + 1);
    return to;
  }

  #targets(storage: string, force: boolean): readonly PartitionStorage[] {
    const source = this.#storage(storage)?.backend;
    if (source === undefined) return [];
    const { storages, draining } = this.#deps;
    return takers(storages, draining.storages()).filter(({ backend }) => canMove(source, backend, force));
  }

  /** Why no partition can leave the storage. Undefined: they can. */
  #obstacle(storage: string, force: boolean): string | undefined {
    const source: StorageBackend | undefined = this.#storage(storage)?.backend;
    if (source === undefined) return errorText`storage '${storage}' is not configured on this server`;
    if (source.capabilities.moves !== true)
      return errorText`partitions cannot move from storage '${storage}'; its driver has no moves`;
    if (this.#targets(storage, force).length > 0) return undefined;
    return errorText`no storage can take the partitions of storage '${storage}'; it takes one that is durable, if this one is, with an affinity above 0 and a driver with moves`;
  }

  /** What would move, as things are now. */
  async #plan({ storage, force }: Parameters, { signal }: StepBudget): Promise<StepResult> {
    const counts = new Map(await this.#deps.queueStore.partitionCounts());
    const moves: TaskMove[] = [];
    let matched = 0;
    for (let at = ''; ; ) {
      signal.throwIfAborted();
      const queues = await this.#page(at);
      for (const queue of queues.filter(({ name }) => name !== at)) {
        for (const { partition } of queue.partitions.filter((each) => isOn(each, storage))) {
          matched++;
          const to = this.#target(storage, queue, counts, force);
          const move = { queue: queue.name, partition, from: storage, to: to ?? '' };
          if (moves.length < MOST_SHOWN) moves.push(move);
        }
      }
      if (queues.length < PAGE) break;
      at = queues.at(-1)?.name ?? '';
    }
    const planned = await this.#counted(storage, moves);
    const obstacle = matched === 0 ? undefined : this.#obstacle(storage, force);
    const shown = planned.map((move) => (obstacle === undefined ? move : { ...move, error: obstacle }));
    const end = { matched, done: 0, failed: 0, end: 'done' } as const;
    return { ...end, checkpoint: write({ ...NO_MOVES, at: '', planned: fitting(shown) }) };
  }

  async #counted(storage: string, moves: readonly TaskMove[]): Promise<readonly TaskMove[]> {
    const sizes = await this.#storage(storage)?.backend.measure(moves);
    return moves.map((move, n) => ({ ...move, items: sizes?.[n]?.items }));
  }

  #isWanted(storage: string): boolean {
    const { draining } = this.#deps;
    return !draining.isKnown() || draining.storages().has(storage);
  }

  #storage(name: string): PartitionStorage | undefined {
    return this.#deps.storages.find(({ backend }) => backend.name === name);
  }
}

/** The task that drains a storage. There is one at a time for each. */
export function drainTask(parameters: Parameters): PreparedTask {
  return {
    queue: undefined,
    parameters: { ...parameters },
    exclusive: `drain ${parameters.storage}`,
  };
}

function isOn({ storageName, moving }: PartitionPlacement, storage: string): boolean {
  return storageName === storage && moving === undefined;
}

function readCheckpoint(checkpoint: JsonValue | undefined): Checkpoint {
  return (checkpoint ?? { ...NO_MOVES, at: '' }) as unknown as Checkpoint;
}

function write(checkpoint: Checkpoint): JsonValue {
  return checkpoint as unknown as JsonValue;
}
