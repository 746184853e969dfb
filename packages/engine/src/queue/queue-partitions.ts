import {
  errorText,
  invalid,
  type Logger,
  type Queue,
  type QueueError,
  type RunningWork,
} from '@querator/core';
import { PartitionOrder } from '@querator/router';
import { keySpreadOf } from '../partition/key-places.ts';
import { PartitionState } from '../partition/partition-state.ts';
import { leavesFrom } from '../partition/queue-spread.ts';
import type { ActivePartition } from './active-partition.ts';
import type { PartitionMoves } from './partition-moves.ts';
import type { Placement } from './placement.ts';

export interface QueuePartitionsDeps {
  readonly logger: Logger;
  readonly moves: PartitionMoves;
  /** The storage calls outside the loops. The stop of the queue waits for them. */
  readonly calls: RunningWork;
  /** Creates what works on a partition. */
  readonly activate: (state: PartitionState, placement: Placement) => ActivePartition;
}

/** The partitions of a queue in this process. They become more, or fewer, as the queue's record says. */
export class QueuePartitions {
  /** In the order of their numbers. The same array while the queue is active. */
  readonly active: readonly ActivePartition[];
  /** The same for their states. */
  readonly states: readonly PartitionState[];
  readonly order = new PartitionOrder<PartitionState>([]);
  readonly #deps: QueuePartitionsDeps;
  readonly #active: ActivePartition[] = [];
  readonly #states: PartitionState[] = [];
  /** Also those that the queue has lost: statements of theirs may be in flight. */
  readonly #byState = new WeakMap<PartitionState, ActivePartition>();

  constructor(deps: QueuePartitionsDeps) {
    this.#deps = deps;
    this.active = this.#active;
    this.states = this.#states;
  }

  /** Creates all partitions of the queue. */
  create(queue: Queue): void {
    for (const placement of this.#deps.moves.placementsFrom(queue, 0)) this.#add(placement);
    this.#markLeaving(queue);
  }

  /** Puts a changed record into force: partitions that have moved, were added, are to leave, or have left. */
  update(queue: Queue): void {
    const { moves } = this.#deps;
    moves.apply(queue, this.active);
    if (queue.partitions.length < this.#active.length) this.#shrink(queue);
    if (queue.partitions.length > this.#active.length) this.#grow(queue);
    this.#markLeaving(queue);
  }

  /** @throws QueueError `invalid` when there is no such partition. */
  at(number: number): ActivePartition {
    const partition = this.#active[number];
    if (partition === undefined) throw noSuchPartition(number);
    return partition;
  }

  of(state: PartitionState): ActivePartition {
    return this.#byState.get(state) as ActivePartition;
  }

  /** Begins to use partitions that were added. Other processes may have stored items there. */
  #grow(queue: Queue): void {
    for (const placement of this.#deps.moves.placementsFrom(queue, this.#active.length)) {
      const { recovery, keys, state } = this.#add(placement);
      const where = { queue: queue.name, partition: state.number, storage: state.storageName };
      this.#deps.logger.info('queue has got a partition', where);
      void recovery.probe().then(() => keys.loaded());
    }
  }

  /** The queue has lost its last partitions, which are empty. */
  #shrink(queue: Queue): void {
    const { logger, moves, calls } = this.#deps;
    for (const partition of this.#active.splice(queue.partitions.length)) {
      const { state } = partition;
      this.#states.pop();
      this.order.remove(state);
      moves.forget(state.number);
      logger.info('queue has lost a partition', { queue: queue.name, partition: state.number });
      void calls.run(() => stopPartition(partition, noSuchPartition(state.number)));
    }
  }

  #markLeaving(queue: Queue): void {
    const from = leavesFrom(queue);
    for (const state of this.#states) state.leaves = state.number >= from;
    this.#deps.moves.leavesFrom = from;
    this.#deps.moves.keySpread = keySpreadOf(queue);
  }

  #add(placement: Placement): ActivePartition {
    const state = new PartitionState(placement, (each) => this.order.changed(each));
    const partition = this.#deps.activate(state, placement);
    this.#byState.set(state, partition);
    this.#states.push(state);
    this.#active.push(partition);
    this.order.add(state);
    return partition;
  }
}

/** Ends the work on a partition in this process. Pending requests get the error, statements in flight end. */
export async function stopPartition(partition: ActivePartition, error: QueueError): Promise<void> {
  const { completes, retries, extensions, keys, sweeper, recovery, counter, polling } = partition;
  polling.stop();
  await Promise.all([
    keys.stop(error),
    completes.stop(error),
    retries.stop(error),
    extensions.stop(error),
    sweeper.stop(),
    recovery.stop(),
    counter.stop(),
  ]);
}

function noSuchPartition(number: number): QueueError {
  return invalid(errorText`partition is invalid; '${number}' is not a valid partition`, 'no_such_partition');
}
