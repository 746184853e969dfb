import type { Task } from '@querator/core';
import type { Task as TaskMessage } from '../gen/querator/v2/tasks.ts';
import { toTimestamp } from '../time/wire-time.ts';

/** The wire form of a task. */
export function fromTask(task: Task): TaskMessage {
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
  };
}
