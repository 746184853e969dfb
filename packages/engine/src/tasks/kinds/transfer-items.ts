import {
  errorText,
  type ItemFilter,
  invalid,
  type JsonValue,
  type PartitionPlacement,
  type Task,
} from '@querator/core';
import type { LogicalQueue } from '../../queue/logical-queue.ts';
import { createdBefore } from '../created-before.ts';
import { filterFromJson, filterToJson, hasLaterConditions } from '../filter-json.ts';
import type {
  AskedItems,
  JudgeQueue,
  PreparedTask,
  StepBudget,
  StepResult,
  TaskCall,
  TaskKind,
} from '../task-kind.ts';
import type { TaskQueues } from '../task-queues.ts';
import { type Leaving, leavingFrom, resumeMoves, undoMoves } from './across-storages.ts';
import type { AdmitMove } from './admission.ts';
import { type Destinations, type Origin, toQueue, toSources } from './destinations.ts';
import { position, type TransferCheckpoint, transferStep } from './transfer-step.ts';

/** What a task that moves items to other queues needs to know, in versions 1 to 3. */
type Parameters = {
  /** Tells the queue from a later one of its name. */
  readonly queueCreatedAt: string;
  readonly filter: JsonValue;
  /** By storage: items that were created then or later are left alone. */
  readonly until: Readonly<Record<string, string>>;
  /** Undefined: each dead letter goes to the queue that it came from. */
  readonly to?: { readonly queue: string; readonly createdAt: string };
};

/** Moves the items of a queue that match a filter to other queues: the kinds `redrive` and `move`. */
export class TransferItems implements TaskKind {
  readonly kind: 'redrive' | 'move';
  /**
   * From version 2 on, scheduled items go to other storages too. Their copies are what servers before do not know.
   * From version 3 on, filters have conditions that servers before do not know.
   */
  readonly version = 3;
  readonly structural = false;
  readonly #queues: TaskQueues;
  readonly #admit: AdmitMove | undefined;

  /** @param admit judges items that enter another namespace. Undefined: all may. */
  constructor(kind: 'redrive' | 'move', queues: TaskQueues, admit?: AdmitMove) {
    this.kind = kind;
    this.#queues = queues;
    this.#admit = admit;
  }

  /** @throws QueueError `invalid`, and what `judge` and a storage throw. */
  async prepare({ queueName, filter = {}, to }: TaskCall, judge: JudgeQueue): Promise<PreparedTask> {
    if (to === '' && this.kind === 'move') {
      throw invalid("to is invalid; a task of the kind 'move' needs the queue that gets the items");
    }
    if (to !== '' && to === queueName) {
      throw invalid('to is invalid; it cannot be the queue whose items are moved');
    }
    const queue = await judge('queue.clear', queueName);
    // Without a target, letters go back to queues of this namespace only.
    const target = await judge('queue.produce', to || queueName);
    checkState(filter);
    const parameters: Parameters = {
      queueCreatedAt: String(queue.createdAt),
      filter: filterToJson(filter),
      until: await this.#queues.ends(queue),
      ...(to !== '' && { to: { queue: target.name, createdAt: String(target.createdAt) } }),
    };
    return { queue, parameters, version: hasLaterConditions(filter) ? 3 : 2 };
  }

  askedFor({ parameters }: Pick<Task, 'parameters'>): AskedItems {
    const { filter, to } = parameters as Parameters;
    return { filter: filterFromJson(filter), to: to?.queue };
  }

  async step(task: Task, checkpoint: JsonValue | undefined, budget: StepBudget): Promise<StepResult> {
    const { queueCreatedAt, filter, until, to } = task.parameters as Parameters;
    const place = placeOf(checkpoint);
    const queue = await this.#queues.active(task.queue, queueCreatedAt);
    if (queue === undefined) return failed(place, 'the queue was deleted');
    const target = to && (await this.#queues.active(to.queue, to.createdAt));
    if (to !== undefined && target === undefined) {
      await this.#undoAll(task, queue);
      return failed(place, errorText`the queue '${to.queue}' was deleted`);
    }
    const destinationsFrom = (origin: Origin) =>
      target === undefined ? toSources(this.#queues, origin) : toQueue(target, origin);
    const partition = queue.queue.partitions[place.partition];
    const from = { task: task.id, queues: this.#queues, queue, budget };
    const leaves = (placement: PartitionPlacement) => leavingFrom(from, placement);
    if (partition === undefined) return this.#end(queue, place, { leaves, destinationsFrom });
    const origin = { queue: queue.queue, partition: partition.partition };
    const destinations = destinationsFrom(origin);
    const leaving = leaves(partition);
    const resumed = place.across === true ? await resumeMoves(this.#queues, leaving, destinations) : 0;
    const wanted = createdBefore(filterFromJson(filter), task, until, partition);
    const asked = {
      filter: wanted,
      dryRun: task.dryRun,
      checkpoint: place,
      scheduledGoAcross: task.version >= 2,
    };
    const moving = { ...asked, queue, leaving, admit: this.#admit };
    const result = await transferStep(moving, destinations, budget);
    return { ...result, matched: result.matched + resumed, done: result.done + resumed };
  }

  /** Ends a task that is cancelled. What has moved stays moved. */
  async undo(task: Task, checkpoint: JsonValue | undefined): Promise<StepResult> {
    const { queueCreatedAt } = task.parameters as Parameters;
    const queue = await this.#queues.active(task.queue, queueCreatedAt);
    const done = queue === undefined ? 0 : await this.#undoAll(task, queue);
    return { matched: done, done, failed: 0, checkpoint: positionOf(placeOf(checkpoint)), end: 'done' };
  }

  /** Finishes what a process that was suspended may have begun in a partition since. */
  async #end(
    { queue }: LogicalQueue,
    place: TransferCheckpoint,
    from: {
      readonly leaves: (placement: PartitionPlacement) => Leaving;
      readonly destinationsFrom: (origin: Origin) => Destinations;
    },
  ): Promise<StepResult> {
    let done = 0;
    for (const placement of place.across === true ? queue.partitions : []) {
      const destinations = from.destinationsFrom({ queue, partition: placement.partition });
      done += await resumeMoves(this.#queues, from.leaves(placement), destinations);
    }
    return { matched: done, done, failed: 0, checkpoint: positionOf(place), end: 'done' };
  }

  /** @returns how many items have left nevertheless. */
  async #undoAll(task: Task, { transfers, queue }: LogicalQueue): Promise<number> {
    let done = 0;
    for (const { partition } of task.dryRun ? [] : queue.partitions) {
      done += await undoMoves(this.#queues, { task: task.id, transfers, partition });
    }
    return done;
  }
}

function checkState({ state }: ItemFilter): void {
  if (state === undefined || state === 'waiting' || state === 'scheduled') return;
  throw invalid(errorText`filter.state is invalid; items in the state '${state}' cannot be moved`);
}

function placeOf(checkpoint: JsonValue | undefined): TransferCheckpoint {
  return (checkpoint ?? { partition: 0 }) as unknown as TransferCheckpoint;
}

function positionOf({ partition, after, across }: TransferCheckpoint): JsonValue {
  return position(partition, after, across);
}

function failed(place: TransferCheckpoint, error: string): StepResult {
  return { matched: 0, done: 0, failed: 0, checkpoint: positionOf(place), end: { error } };
}
