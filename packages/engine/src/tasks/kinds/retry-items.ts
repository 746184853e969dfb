import { errorText, type FoundItem, type ItemId, invalid, type JsonValue, type Task } from '@querator/core';
import type { LogicalQueue } from '../../queue/logical-queue.ts';
import type { JudgeQueue, PreparedTask, StepBudget, StepResult, TaskCall, TaskKind } from '../task-kind.ts';
import type { TaskQueues } from '../task-queues.ts';
import { askedItems, type FilteredPlace, filteredItems, NOTHING, stepInPartition } from './filtered-items.ts';

/** Where the next step begins. */
type Checkpoint = FilteredPlace & {
  /**
   * The greatest id of the partition before the task changed anything there. Items come back
   * under greater ones, so none is retried twice. Absent: it was not read yet.
   */
  readonly last?: ItemId;
};

const BEGIN: Checkpoint = { partition: 0, after: '' };

/** Makes items available at once: scheduled ones before their time, or leased ones before their leases end. */
export class RetryItems implements TaskKind {
  readonly kind = 'retry';
  readonly version = 1;
  readonly structural = false;
  readonly #queues: TaskQueues;

  constructor(queues: TaskQueues) {
    this.#queues = queues;
  }

  /** @throws QueueError `invalid`, and what `judge` and a storage throw. */
  async prepare({ queueName, filter = {}, to }: TaskCall, judge: JudgeQueue): Promise<PreparedTask> {
    if (to !== '') throw invalid("to is invalid; a task of the kind 'retry' moves nothing");
    const queue = await judge('queue.clear', queueName);
    await judge('queue.retry', queueName);
    const { state = 'scheduled' } = filter;
    if (state !== 'scheduled' && state !== 'leased') {
      throw invalid(
        errorText`filter.state is invalid; items in the state '${state}' cannot be retried, only 'scheduled' and 'leased' ones`,
      );
    }
    return { queue, parameters: await filteredItems(this.#queues, queue, { ...filter, state }) };
  }

  askedFor({ parameters }: Pick<Task, 'parameters'>) {
    return askedItems(parameters);
  }

  step(task: Task, checkpoint: JsonValue | undefined, budget: StepBudget): Promise<StepResult> {
    const place = (checkpoint ?? BEGIN) as Checkpoint;
    return stepInPartition(this.#queues, task, place, async ({ queue, find }) => {
      const { last } = place;
      if (last === undefined) return { ...NOTHING, checkpoint: await begun(queue, place) };
      const page = await find(budget);
      const items = page.items.filter(({ id }) => id <= last);
      const done = task.dryRun ? 0 : await retry(queue, place.partition, items);
      const counts = { matched: task.dryRun ? items.length : done, done, failed: 0 };
      const isLast = page.next === undefined || page.next >= last;
      return { ...counts, checkpoint: isLast ? nextPartition(place) : { ...place, after: page.next } };
    });
  }
}

/** The place with the greatest id of its partition, or the next partition if it holds nothing. */
async function begun(queue: LogicalQueue, place: Checkpoint): Promise<Checkpoint> {
  const last = await queue.earlyReturns.lastId(place.partition);
  return last === undefined ? nextPartition(place) : { ...place, last };
}

function nextPartition({ partition }: Checkpoint): Checkpoint {
  return { ...BEGIN, partition: partition + 1 };
}

/** @returns how many items were still as they were found. */
async function retry(
  { earlyReturns }: LogicalQueue,
  partition: number,
  items: readonly FoundItem[],
): Promise<number> {
  const idsIn = (asked: FoundItem['state']) =>
    items.filter(({ state }) => state === asked).map(({ id }) => id);
  const ofScheduled = await earlyReturns.ofScheduled(partition, idsIn('scheduled'));
  return ofScheduled + (await earlyReturns.ofLeased(partition, idsIn('leased')));
}
