import {
  type Clock,
  type JsonValue,
  milliseconds,
  millisecondsBetween,
  type PartitionPlacement,
  type Task,
} from '@querator/core';
import type { LogicalQueue } from '../../queue/logical-queue.ts';
import { leavingFrom, resumeMoves, undoMoves } from '../kinds/across-storages.ts';
import type { Destination } from '../kinds/destinations.ts';
import { type TransferCheckpoint, transferStep } from '../kinds/transfer-step.ts';
import type { StepBudget, StepResult } from '../task-kind.ts';
import type { TaskQueues } from '../task-queues.ts';
import { stayingPartition } from './staying-partition.ts';

/** How long a step may go on with further partitions. */
const STEP_MS = 400;
/** The shortest pause after a pass that has found nothing to move. */
const PAUSE_MS = 1_000;
/** What each partition adds to it, so that many partitions are not read all the time. */
const PAUSE_MS_OF_PARTITION = 10;

/** How far a pass over the leaving partitions has come. */
export interface LeavingPlace {
  /** Below the first leaving partition: the pass begins. */
  readonly partition: number;
  /** Items up to this id have been handled. Absent: none. */
  readonly after?: string | undefined;
  /** Whether this pass has moved items. */
  readonly hasMoved?: boolean | undefined;
}

export interface LeavingItemsDeps {
  readonly clock: Clock;
  readonly queues: TaskQueues;
  readonly queue: LogicalQueue;
  readonly task: Task;
  /** How many partitions stay, the first ones. */
  readonly stays: number;
}

/** What a step has done. Its checkpoint is a `LeavingPlace`. */
export type LeavingStep = Pick<StepResult, 'matched' | 'done' | 'failed' | 'pause'> & {
  readonly place: LeavingPlace;
};

/**
 * The items of partitions that are to leave go to those that stay
 * (docs/adr/0052-a-resize-may-move-what-waits.md). What comes back later, such as a leased item, goes in a later pass.
 */
export class LeavingItems {
  readonly #deps: LeavingItemsDeps;

  constructor(deps: LeavingItemsDeps) {
    this.#deps = deps;
  }

  /**
   * Moves the next items that wait or are scheduled. Any process may repeat it with the same place.
   *
   * @returns with a pause if a whole pass has moved nothing.
   * @throws StorageError; QueueError as `transferStep`.
   */
  async step(from: LeavingPlace, budget: StepBudget): Promise<LeavingStep> {
    const { clock, stays } = this.#deps;
    const start = clock.now();
    for (let place = from; ; ) {
      const step = await this.#next({ ...place, partition: Math.max(place.partition, stays) }, budget);
      const isLong = millisecondsBetween(start, clock.now()) >= STEP_MS;
      if (step.matched > 0 || step.pause !== undefined || isLong || budget.signal.aborted) return step;
      place = step.place;
    }
  }

  /** Items that are on their way to another storage wait again, but for those that never return. @returns how many of these. */
  async undo(): Promise<number> {
    const { queues, queue, task } = this.#deps;
    let done = 0;
    for (const placement of this.#leaving()) {
      if (this.#destination(placement).isOnSameStorage) continue;
      const { partition } = placement;
      done += await undoMoves(queues, { task: task.id, transfers: queue.transfers, partition });
    }
    return done;
  }

  async #next(place: LeavingPlace, budget: StepBudget): Promise<LeavingStep> {
    const { queues, queue, task, stays } = this.#deps;
    const placement = queue.queue.partitions[place.partition];
    if (placement === undefined) {
      const { length } = this.#leaving();
      const pause = milliseconds(Math.max(PAUSE_MS, length * PAUSE_MS_OF_PARTITION));
      const isIdle = place.hasMoved !== true;
      return { ...NOTHING, place: { partition: stays }, ...(isIdle && { pause }) };
    }
    const destination = this.#destination(placement);
    const destinations = { of: async () => destination };
    const leaving = leavingFrom({ task: task.id, queues, queue, budget }, placement);
    const across = !destination.isOnSameStorage;
    // Those that an earlier step has taken go before the items behind them.
    const resumed = across ? await resumeMoves(queues, leaving, destinations) : 0;
    const { partition, after } = place;
    const { matched, done, failed, checkpoint } = await transferStep(
      {
        ...{ queue, leaving, admit: undefined, filter: {}, dryRun: false, scheduledGoAcross: true },
        checkpoint: { partition, after, across },
      },
      destinations,
      budget,
    );
    const counts = { matched: matched + resumed, done: done + resumed, failed };
    const hasMoved = place.hasMoved === true || counts.done > 0;
    return { ...counts, place: placeOf(checkpoint, hasMoved) };
  }

  #destination({ partition, storageName }: PartitionPlacement): Destination {
    const { queue, stays } = this.#deps;
    const target = stayingPartition(queue.queue.partitions, partition, stays);
    return { queue, partition: target.partition, isOnSameStorage: target.storageName === storageName };
  }

  #leaving(): readonly PartitionPlacement[] {
    const { queue, stays } = this.#deps;
    return queue.queue.partitions.slice(stays);
  }
}

const NOTHING = { matched: 0, done: 0, failed: 0 };

function placeOf(checkpoint: JsonValue, hasMoved: boolean): LeavingPlace {
  const { partition, after } = checkpoint as unknown as TransferCheckpoint;
  return { partition, ...(after !== undefined && { after }), ...(hasMoved && { hasMoved }) };
}
