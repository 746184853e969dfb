import {
  type Clock,
  type Instant,
  milliseconds,
  millisecondsBetween,
  type Queue,
  QueueError,
  SYSTEM_NAMESPACE,
  type Task,
  type TaskStore,
} from '@querator/core';
import type { MovePartition } from '../kinds/move-partition.ts';
import { reasonOf } from '../step-failure.ts';
import { exclusiveOn, type StepBudget, type TaskMove } from '../task-kind.ts';

/** The partitions that one task moves at the same time, unless its creator chooses. */
export const USUAL_AT_ONCE = 2;
/** The most that a creator may choose. A process works on 16 tasks at a time. */
export const MOST_AT_ONCE = 8;

/** How long a task waits between looks at its moves. */
export const LOOK = milliseconds(500);
/** The same while no further one can begin. */
export const LATER_LOOK = milliseconds(2_000);
/** How long it waits while nothing can move. */
export const IDLE = milliseconds(5_000);

/** The pause after the first failure of a move. Each further one doubles it. */
const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 300_000;

/** The most characters of the JSON of the moves that are held back. */
const HELD_LENGTH = 20_000;
/** The most characters of a reason. */
const REASON_LENGTH = 300;

/** A move that the task has created. */
export interface RunningMove {
  readonly task: string;
  readonly queue: string;
  readonly partition: number;
  readonly from: string;
  readonly to: string;
}

/** A move that failed or was refused. */
export interface HeldMove {
  readonly queue: string;
  readonly partition: number;
  readonly from: string;
  readonly to: string;
  /** In a row. */
  readonly failures: number;
  /** When it failed last, in microseconds. It is tried again after a pause. */
  readonly at: string;
  readonly reason: string;
}

/** What a task knows of its moves. Part of its checkpoint. */
export interface MovesState {
  /** How many it has created. The next one has this number in its id. */
  readonly created: number;
  readonly running: readonly RunningMove[];
  readonly held: readonly HeldMove[];
}

export const NO_MOVES: MovesState = { created: 0, running: [], held: [] };

/** A move that a task wants. */
export interface WantedMove {
  readonly queue: Queue;
  readonly partition: number;
  readonly to: string;
}

export interface ChildMovesDeps {
  readonly clock: Clock;
  readonly store: TaskStore;
  readonly movePartition: MovePartition;
  /** Tasks were created. */
  readonly wake: () => void;
}

/** What has become of the moves of a task. */
export interface FollowedMoves {
  readonly state: MovesState;
  readonly done: number;
  readonly failed: number;
}

/**
 * The moves that a task has created, as tasks of the kind `move_partition`. A process that is
 * killed after it created one, and before that is written down, leaves no second one: the id of a
 * move follows from its task and its number.
 */
export class ChildMoves {
  readonly #deps: ChildMovesDeps;

  constructor(deps: ChildMovesDeps) {
    this.#deps = deps;
  }

  /** Looks which moves have ended. @throws StorageError */
  async follow(state: MovesState): Promise<FollowedMoves> {
    const running: RunningMove[] = [];
    let { held } = state;
    let [done, failed] = [0, 0];
    for (const move of state.running) {
      const task = await this.#deps.store.get(move.task);
      if (task?.state === 'running') {
        running.push(move);
        continue;
      }
      if (task?.state === 'done') done++;
      else failed++;
      if (task?.state === 'failed' || task?.state === 'cancelled') {
        const reason = task.state === 'failed' ? (task.error ?? '') : `its task ${move.task} was cancelled`;
        held = this.#hold(held, move, reason);
      } else {
        held = held.filter((each) => !isSame(each, move));
      }
    }
    return { state: { ...state, running, held }, done, failed };
  }

  /** Whether a move may be tried now, or again. */
  mayStart({ held, running }: MovesState, queue: string, partition: number): boolean {
    // A queue has one move at a time.
    if (running.some((move) => move.queue === queue)) return false;
    const failed = held.find((each) => isSame(each, { queue, partition }));
    return failed === undefined || this.#isOver(failed);
  }

  /**
   * Creates the task of a move, if this process still has the task.
   *
   * @returns the state with the move: running, or held back if it was refused.
   * @throws StorageError
   */
  async start(
    task: Task,
    state: MovesState,
    { queue, partition, to }: WantedMove,
    {
      atOnce,
      force,
      budget,
    }: { readonly atOnce: number; readonly force: boolean; readonly budget: StepBudget },
  ): Promise<MovesState> {
    const { movePartition, store, wake } = this.#deps;
    const from = queue.partitions[partition]?.storageName ?? '';
    const move = { queue: queue.name, partition, from, to };
    try {
      const parameters = await movePartition.admit(queue, { partition, storageName: to, force });
      if (!(await budget.stillHeld())) return state;
      const created = await store.create({
        ...{ id: `${task.id}m${state.created}`, kind: movePartition.kind, version: movePartition.version },
        ...{ parameters, queue: queue.name, namespace: queue.namespace, exclusive: exclusiveOn(queue.name) },
        needs: [{ permission: 'queue.update', namespace: SYSTEM_NAMESPACE }],
        createdBy: task.createdBy,
        rate: task.rate === undefined ? undefined : Math.max(Math.floor(task.rate / atOnce), 1),
        dryRun: false,
      });
      wake();
      // An earlier run of this step may have created the move of another partition with that id.
      const found = created.parameters as unknown as Pick<RunningMove, 'partition' | 'from' | 'to'>;
      const place = { partition: found.partition, from: found.from, to: found.to };
      const running = { task: created.id, queue: created.queue, ...place };
      return { ...state, created: state.created + 1, running: [...state.running, running] };
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      return { ...state, held: this.#hold(state.held, move, reasonOf(error)) };
    }
  }

  /** Asks for the end of the moves that run. Those that have switched are finished. */
  async cancel({ running }: MovesState): Promise<void> {
    for (const { task } of running) await this.#deps.store.requestCancel(task);
  }

  /** Without the failure that is shown first, unless its partition is still there. @throws StorageError */
  async withoutStale(
    state: MovesState,
    find: (queue: string) => Promise<Queue | undefined>,
  ): Promise<MovesState> {
    const [first, ...others] = state.held;
    if (first === undefined) return state;
    const queue = await find(first.queue);
    const isThere = queue?.partitions[first.partition]?.storageName === first.from;
    return isThere ? state : { ...state, held: others };
  }

  /** Remembers a failure. The oldest ones are forgotten if they are too many to be kept. */
  #hold(held: readonly HeldMove[], move: Omit<RunningMove, 'task'>, reason: string): readonly HeldMove[] {
    const { queue, partition, from, to } = move;
    const before = held.find((each) => isSame(each, move));
    const failure: HeldMove = {
      ...{ queue, partition, from, to, reason: reason.slice(0, REASON_LENGTH) },
      failures: (before?.failures ?? 0) + 1,
      at: String(this.#deps.clock.now()),
    };
    const kept = [failure, ...held.filter((each) => !isSame(each, move))];
    while (JSON.stringify(kept).length > HELD_LENGTH && kept.length > 1) kept.pop();
    return kept;
  }

  /** Whether the pause after a failure is over. Another process may have another clock. */
  #isOver({ at, failures }: HeldMove): boolean {
    const passed = millisecondsBetween(BigInt(at) as Instant, this.#deps.clock.now());
    return (
      passed < 0 || passed >= Math.min(FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 20), LONGEST_PAUSE_MS)
    );
  }
}

/** The moves of a state, as its task shows them. */
export function shownMoves({ running, held }: MovesState): readonly TaskMove[] {
  return [
    ...running,
    ...held.map(({ queue, partition, from, to, reason }) => ({ queue, partition, from, to, error: reason })),
  ];
}

function isSame(
  one: { readonly queue: string; readonly partition: number },
  other: { readonly queue: string; readonly partition: number },
): boolean {
  return one.queue === other.queue && one.partition === other.partition;
}
