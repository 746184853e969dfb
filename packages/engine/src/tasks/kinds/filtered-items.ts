import type {
  FindPage,
  ItemFilter,
  ItemId,
  JsonValue,
  PartitionPlacement,
  Queue,
  Task,
} from '@querator/core';
import type { LogicalQueue } from '../../queue/logical-queue.ts';
import { createdBefore } from '../created-before.ts';
import { filterFromJson, filterToJson } from '../filter-json.ts';
import type { AskedItems, StepBudget, StepResult } from '../task-kind.ts';
import type { TaskQueues } from '../task-queues.ts';

/** What a task on the items of a queue that match a filter needs to know. */
export type FilteredItems = {
  /** Tells the queue from a later one of its name. */
  readonly queueCreatedAt: string;
  readonly filter: JsonValue;
  /** By storage: items that were created then or later are left alone. */
  readonly until: Readonly<Record<string, string>>;
};

/** Where a step begins. */
export type FilteredPlace = {
  /** The index of the partition among those of the queue. */
  readonly partition: number;
  /** Empty: at its first item. */
  readonly after: ItemId;
};

/** A step that did nothing. */
export const NOTHING = { matched: 0, done: 0, failed: 0 };

/** The partition in which a step works. */
export interface FilteredPartition {
  readonly queue: LogicalQueue;
  /** Whether it is the last one of the queue. */
  readonly isLast: boolean;
  /** The next items that match the filter and were there when the task was created. */
  readonly find: (budget: StepBudget) => Promise<FindPage & { readonly filter: ItemFilter }>;
}

/** The items of a queue that match a filter now. @throws StorageError if a storage does not tell the time. */
export async function filteredItems(
  queues: TaskQueues,
  queue: Queue,
  filter: ItemFilter,
): Promise<FilteredItems> {
  return {
    queueCreatedAt: String(queue.createdAt),
    filter: filterToJson(filter),
    until: await queues.ends(queue),
  };
}

/** What the creator of such a task asked for. */
export function askedItems(parameters: JsonValue): AskedItems {
  return { filter: filterFromJson((parameters as FilteredItems).filter), to: undefined };
}

/** Runs a step in the partition where it begins. The task ends if there is none, and fails if the queue was deleted. */
export async function stepInPartition(
  queues: TaskQueues,
  task: Task,
  place: FilteredPlace,
  step: (partition: FilteredPartition) => Promise<StepResult>,
): Promise<StepResult> {
  const { queueCreatedAt } = task.parameters as FilteredItems;
  const queue = await queues.active(task.queue, queueCreatedAt);
  if (queue === undefined) return { ...NOTHING, checkpoint: place, end: { error: 'the queue was deleted' } };
  const { partitions } = queue.queue;
  const placement = partitions[place.partition];
  if (placement === undefined) return { ...NOTHING, checkpoint: place, end: 'done' };
  return step({
    queue,
    isLast: place.partition + 1 >= partitions.length,
    find: (budget) => findItems(queue, { task, place, placement, budget }),
  });
}

async function findItems(
  { search }: LogicalQueue,
  {
    task,
    place: { partition, after },
    placement,
    budget: { items: limit, signal },
  }: {
    readonly task: Task;
    readonly place: FilteredPlace;
    readonly placement: PartitionPlacement;
    readonly budget: StepBudget;
  },
) {
  const { filter: asked, until } = task.parameters as FilteredItems;
  const filter = createdBefore(filterFromJson(asked), task, until, placement);
  const from = { partition, after: after || undefined };
  return { ...(await search.findIn({ filter, limit, from, withPayload: false, signal })), filter };
}
