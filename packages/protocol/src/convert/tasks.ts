import type { ItemFilter, Task } from '@querator/core';
import type { Task as TaskMessage, TaskMove } from '../gen/querator/v2/tasks.ts';
import { toTimestamp } from '../time/wire-time.ts';
import { fromItemFilter } from './items.ts';

/** A task, with which items it takes and which queue gets them. */
interface ShownTask extends Task {
  readonly filter: ItemFilter | undefined;
  readonly to: string | undefined;
  readonly moves: readonly ShownMove[];
}

/** A partition that a task moves, would move, or cannot move. */
interface ShownMove {
  readonly queue: string;
  readonly partition: number;
  readonly from: string;
  readonly to: string;
  readonly items?: number | undefined;
  readonly task?: string | undefined;
  readonly error?: string | undefined;
}

/** The wire form of a task. */
export function fromTask(task: ShownTask): TaskMessage {
  const { id, kind, state, queue, namespace, matched, done, failed, error, rate, dryRun, createdBy } = task;
  const { createdAt, startedAt, endedAt, cancelRequestedAt } = task;
  return {
    ...{ id, kind, state, queueName: queue, namespace, matched, done, failed, dryRun, createdBy },
    error: error ?? '',
    rate: rate ?? 0,
    createdAt: toTimestamp(createdAt),
    startedAt: startedAt && toTimestamp(startedAt),
    endedAt: endedAt && toTimestamp(endedAt),
    cancelRequestedAt: cancelRequestedAt && toTimestamp(cancelRequestedAt),
    filter: task.filter && fromItemFilter(task.filter),
    to: task.to ?? '',
    moves: task.moves.map(fromMove),
  };
}

function fromMove({ queue, partition, from, to, items = 0, task = '', error = '' }: ShownMove): TaskMove {
  return { queueName: queue, ...{ partition, from, to, items, taskId: task, error } };
}
