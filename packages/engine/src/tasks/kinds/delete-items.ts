import { errorText, type FoundItem, invalid, type JsonValue, type SeenItem, type Task } from '@querator/core';
import { hasLaterConditions } from '../filter-json.ts';
import type { JudgeQueue, PreparedTask, StepBudget, StepResult, TaskCall, TaskKind } from '../task-kind.ts';
import type { TaskQueues } from '../task-queues.ts';
import { askedItems, type FilteredPlace, filteredItems, stepInPartition } from './filtered-items.ts';

/**
 * A deletion reads the partitions again until it finds nothing, because an item that
 * gets another id meanwhile may have been passed by. Not more often than this: items
 * may come back for ever.
 */
const MOST_PASSES = 10;

/** Where the next step of a deletion begins. */
type Checkpoint = FilteredPlace & {
  readonly pass: number;
  /** Items that were deleted in this pass. */
  readonly deleted: number;
};

const BEGIN: Checkpoint = { pass: 1, deleted: 0, partition: 0, after: '' };

/** Deletes the items of a queue that match a filter and were there when the task was created. */
export class DeleteItems implements TaskKind {
  readonly kind = 'delete';
  /** From version 2 on, filters have conditions that servers before do not know. */
  readonly version = 2;
  readonly structural = false;
  readonly #queues: TaskQueues;

  constructor(queues: TaskQueues) {
    this.#queues = queues;
  }

  /** @throws QueueError `invalid`, and what `judge` and a storage throw. */
  async prepare({ queueName, filter = {}, to }: TaskCall, judge: JudgeQueue): Promise<PreparedTask> {
    if (to !== '') throw invalid("to is invalid; a task of the kind 'delete' moves nothing");
    const queue = await judge('queue.clear', queueName);
    if (filter.state === 'dead' || filter.state === 'moving') {
      throw invalid(
        errorText`filter.state is invalid; items in the state '${filter.state}' cannot be deleted`,
      );
    }
    const parameters = await filteredItems(this.#queues, queue, filter);
    return { queue, parameters, version: hasLaterConditions(filter) ? 2 : 1 };
  }

  askedFor({ parameters }: Pick<Task, 'parameters'>) {
    return askedItems(parameters);
  }

  step(task: Task, checkpoint: JsonValue | undefined, budget: StepBudget): Promise<StepResult> {
    const place = (checkpoint ?? BEGIN) as Checkpoint;
    return stepInPartition(this.#queues, task, place, async ({ queue, isLast, find }) => {
      const page = await find(budget);
      const found = page.items.flatMap((item) => seenOf(item, page.filter.state !== undefined));
      const deleted = task.dryRun ? 0 : await queue.search.deleteSeen(place.partition, found);
      const next = { ...place, deleted: place.deleted + deleted };
      const counts = { matched: task.dryRun ? found.length : deleted, done: deleted, failed: 0 };
      if (page.next !== undefined) return { ...counts, checkpoint: { ...next, after: page.next } };
      if (!isLast) return { ...counts, checkpoint: { ...next, partition: place.partition + 1, after: '' } };
      const isClean = next.deleted === 0 || place.pass >= MOST_PASSES;
      if (isClean) return { ...counts, checkpoint: next, end: 'done' };
      return { ...counts, checkpoint: { ...BEGIN, pass: place.pass + 1 } };
    });
  }
}

/**
 * The item, if a deletion takes it.
 *
 * @param isNamed whether the filter names the state. Otherwise leased items are left to their consumers.
 */
function seenOf({ id, state, attempts }: FoundItem, isNamed: boolean): readonly SeenItem[] {
  const isTaken = state === 'waiting' || state === 'scheduled' || (state === 'leased' && isNamed);
  return isTaken ? [{ id, state, attempts }] : [];
}
