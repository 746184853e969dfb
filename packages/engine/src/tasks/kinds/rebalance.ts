import {
  type JsonValue,
  milliseconds,
  type PartitionKey,
  type Queue,
  type QueueStore,
  type Task,
} from '@querator/core';
import { type PlacedPartition, planRebalance } from '@querator/router';
import type { PartitionStorage } from '../../manager/placements.ts';
import {
  ChildMoves,
  type ChildMovesDeps,
  LOOK,
  type MovesState,
  NO_MOVES,
  shownMoves,
  USUAL_AT_ONCE,
} from '../placing/child-moves.ts';
import type { Draining } from '../placing/draining.ts';
import { checkWholeServer, fitting, remarkOn } from '../placing/placing-task.ts';
import { canMove, takers } from '../placing/storage-choice.ts';
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
/** The partitions that one call measures. */
const MEASURED = 500;
/** What a partition weighs besides its bytes, since an empty one may have traffic too. */
const PARTITION_BYTES = 1 << 20;
/** How long it waits before it plans again what may not begin yet. */
const REPLAN = milliseconds(30_000);
/** After so many failures in a row a partition stays where it is. */
const MOST_FAILURES = 5;

interface Parameters {
  readonly atOnce: number;
}

interface Checkpoint extends MovesState {
  /** The moves that are to begin; of a dry run those that it found. Undefined: they are to be planned. */
  readonly planned?: readonly TaskMove[] | undefined;
  /** How many moves may begin yet. Undefined: as many as there are partitions. So the task ends whatever happens. */
  readonly left?: number | undefined;
}

/** A partition with what it holds. */
interface Measured extends PlacedPartition {
  readonly items: number;
}

export interface RebalanceDeps extends ChildMovesDeps {
  readonly queueStore: QueueStore;
  readonly storages: readonly PartitionStorage[];
  readonly draining: Pick<Draining, 'storages'>;
}

/** Moves partitions until each storage holds about its share, by affinity and by what partitions hold. */
export class Rebalance implements TaskKind {
  readonly kind = 'rebalance';
  readonly version = 1;
  readonly structural = false;
  readonly takes = ['atOnce'] as const;
  readonly #deps: RebalanceDeps;
  readonly #moves: ChildMoves;

  constructor(deps: RebalanceDeps) {
    this.#deps = deps;
    this.#moves = new ChildMoves(deps);
  }

  async prepare(call: TaskCall, _: JudgeQueue, judge: JudgeServer): Promise<PreparedTask> {
    checkWholeServer(call, 'rebalance');
    judge('queue.update');
    const { atOnce = 0 } = call;
    return { queue: undefined, parameters: { atOnce }, exclusive: 'rebalance' };
  }

  async step(task: Task, checkpoint: JsonValue | undefined, budget: StepBudget): Promise<StepResult> {
    if (task.dryRun) return this.#dryRun(budget);
    const { planned, left, ...before } = readCheckpoint(checkpoint);
    const { state, ...ended } = await this.#moves.follow(before);
    if (planned === undefined || (planned.length === 0 && state.running.length === 0))
      return this.#plan(task, { ...state, left }, ended, budget);
    return this.#begin(task, { ...state, left, planned }, ended, budget);
  }

  /** Asks for the end of the moves that run. What has moved stays moved. */
  async undo(_: Task, checkpoint: JsonValue | undefined): Promise<StepResult> {
    const { state, ...ended } = await this.#moves.follow(readCheckpoint(checkpoint));
    await this.#moves.cancel(state);
    return { matched: 0, ...ended, checkpoint: write({ ...state, planned: [] }), end: 'done' };
  }

  movesOf({ checkpoint }: Task): readonly TaskMove[] {
    const { planned = [], ...state } = readCheckpoint(checkpoint);
    return [...shownMoves(state), ...planned];
  }

  /** Plans the next moves, or ends the task. */
  async #plan(
    task: Task,
    { left, ...state }: Checkpoint,
    ended: { readonly done: number; readonly failed: number },
    budget: StepBudget,
  ): Promise<StepResult> {
    const partitions = await this.#measured(state, budget);
    const moves = this.#planFor(partitions);
    const rest = left ?? partitions.length;
    const remark = remarkOn(state);
    if (moves.length === 0 || rest <= 0) {
      const given = state.held.filter(({ failures }) => failures >= MOST_FAILURES);
      const end = remark !== undefined && given.length > 0 ? { error: remark } : 'done';
      return { matched: 0, ...ended, checkpoint: write({ ...state, planned: [], left: rest }), end };
    }
    const matched = Math.max(task.done + ended.done + moves.length - task.matched, 0);
    const planned = fitting(moves);
    const mayBegin = planned.some(({ queue, partition }) => this.#moves.mayStart(state, queue, partition));
    // Those that failed wait for their next attempt. By then things may have changed.
    const next = mayBegin ? planned : undefined;
    const pause = mayBegin ? undefined : REPLAN;
    return { ...ended, matched, checkpoint: write({ ...state, left: rest, planned: next }), pause, remark };
  }

  /** Begins planned moves, as many as may run. */
  async #begin(
    task: Task,
    { planned = [], left = 0, ...state }: Checkpoint,
    ended: { readonly done: number; readonly failed: number },
    budget: StepBudget,
  ): Promise<StepResult> {
    const { atOnce } = task.parameters as unknown as Parameters;
    const most = atOnce || USUAL_AT_ONCE;
    let moves: MovesState = state;
    let rest = left;
    const later: TaskMove[] = [];
    for (const move of planned) {
      const isFull = moves.running.length >= most || rest <= 0 || budget.signal.aborted;
      const isBusy = moves.running.some(({ queue }) => queue === move.queue);
      if (isFull || isBusy) later.push(move);
      else if (this.#moves.mayStart(moves, move.queue, move.partition)) {
        const created = moves.created;
        moves = await this.#start(task, moves, move, { atOnce: most, budget });
        rest -= moves.created - created;
      }
    }
    const next = { ...moves, left: rest, planned: rest > 0 ? later : [] };
    return { matched: 0, ...ended, checkpoint: write(next), pause: LOOK, remark: remarkOn(moves) };
  }

  /** Begins a move, unless the partition is no longer where it was. */
  async #start(
    task: Task,
    state: MovesState,
    { queue: name, partition, from, to }: TaskMove,
    options: { readonly atOnce: number; readonly budget: StepBudget },
  ): Promise<MovesState> {
    const queue = await this.#deps.queueStore.get(name);
    const placement = queue?.partitions[partition];
    if (queue === undefined || placement?.storageName !== from || placement.moving !== undefined)
      return state;
    return this.#moves.start(task, state, { queue, partition, to }, { ...options, force: false });
  }

  async #dryRun(budget: StepBudget): Promise<StepResult> {
    const moves = this.#planFor(await this.#measured(NO_MOVES, budget));
    const checkpoint = write({ ...NO_MOVES, planned: fitting(moves) });
    return { matched: moves.length, done: 0, failed: 0, checkpoint, end: 'done' };
  }

  #planFor(partitions: readonly Measured[]): readonly TaskMove[] {
    const { storages, draining } = this.#deps;
    const taking = takers(storages, draining.storages());
    const backends = new Map(taking.map(({ backend }) => [backend.name, backend]));
    const moves = planRebalance(
      taking.map(({ backend: { name }, affinity }) => ({ name, affinity })),
      partitions,
      (from, to) => {
        const [source, target] = [backends.get(from), backends.get(to)];
        return source !== undefined && target !== undefined && canMove(source, target, false);
      },
    );
    const items = new Map(partitions.map((each) => [keyOf(each), each.items]));
    return moves.map((move) => ({
      ...{ queue: move.queue, partition: move.partition, from: move.storage, to: move.to },
      items: items.get(keyOf(move)),
    }));
  }

  /** All partitions with what they hold. Those that move, or failed too often, are not to move. */
  async #measured(state: MovesState, { signal }: StepBudget): Promise<readonly Measured[]> {
    const placed: Omit<Measured, 'weight' | 'items'>[] = [];
    const failed = new Set(state.held.filter(({ failures }) => failures >= MOST_FAILURES).map(keyOf));
    for await (const { name, partitions } of this.#queues(signal)) {
      for (const { partition, storageName, moving } of partitions) {
        const isFixed = moving !== undefined || failed.has(keyOf({ queue: name, partition }));
        placed.push({ queue: name, partition, storage: moving?.to ?? storageName, isFixed });
      }
    }
    const measured: Measured[] = [];
    for (const { backend } of this.#deps.storages) {
      const here = placed.filter(({ storage }) => storage === backend.name);
      for (let at = 0; at < here.length; at += MEASURED) {
        signal.throwIfAborted();
        const part = here.slice(at, at + MEASURED);
        const keys: readonly PartitionKey[] = part.map(({ queue, partition }) => ({ queue, partition }));
        const sizes = await backend.measure(keys);
        measured.push(
          ...part.map((each, n) => ({
            ...each,
            items: sizes[n]?.items ?? 0,
            weight: (sizes[n]?.bytes ?? 0) + PARTITION_BYTES,
          })),
        );
      }
    }
    return measured;
  }

  async *#queues(signal: AbortSignal): AsyncGenerator<Queue> {
    for (let at = ''; ; ) {
      signal.throwIfAborted();
      const page = await this.#deps.queueStore.list({ namespace: undefined, pivot: at, limit: PAGE });
      for (const queue of page) if (queue.name !== at) yield queue;
      if (page.length < PAGE) return;
      at = page.at(-1)?.name ?? '';
    }
  }
}

function keyOf({ queue, partition }: PartitionKey): string {
  return `${partition} ${queue}`;
}

function readCheckpoint(checkpoint: JsonValue | undefined): Checkpoint {
  return (checkpoint ?? NO_MOVES) as unknown as Checkpoint;
}

function write(checkpoint: Checkpoint): JsonValue {
  return checkpoint as unknown as JsonValue;
}
