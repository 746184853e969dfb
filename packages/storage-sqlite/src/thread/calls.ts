import { ACCESS_CALLS } from '../access/access-calls.ts';
import { AUDIT_CALLS } from '../audit/audit-calls.ts';
import { INSTANCE_CALLS } from '../instances/instance-calls.ts';
import { ITEM_CALLS } from '../items/item-calls.ts';
import { MOVE_CALLS } from '../moves/move-calls.ts';
import { QUEUE_CALLS } from '../queues/queue-calls.ts';
import { RATE_CALLS } from '../rates/rate-calls.ts';
import { SCHEDULE_CALLS } from '../schedules/schedule-calls.ts';
import { TASK_CALLS } from '../tasks/task-calls.ts';

/** The calls, as the main thread knows them. */
export type Calls = typeof ITEM_CALLS &
  typeof MOVE_CALLS &
  typeof QUEUE_CALLS &
  typeof ACCESS_CALLS &
  typeof AUDIT_CALLS &
  typeof INSTANCE_CALLS &
  typeof RATE_CALLS &
  typeof SCHEDULE_CALLS &
  typeof TASK_CALLS;

/**
 * Everything that the main thread can ask of a file, by its name. Each call gets an open
 * transaction and its arguments, and is synchronous. If it throws, nothing of it stays.
 * Arguments and results go through a structured clone.
 */
export const CALLS: Calls = {
  ...ITEM_CALLS,
  ...MOVE_CALLS,
  ...QUEUE_CALLS,
  ...ACCESS_CALLS,
  ...AUDIT_CALLS,
  ...INSTANCE_CALLS,
  ...RATE_CALLS,
  ...SCHEDULE_CALLS,
  ...TASK_CALLS,
};
