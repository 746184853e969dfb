import type { Check, CheckedCall, CheckGroup } from './check.ts';
import { LOOKUP, NAMESPACE_NAME, QUEUE_NAME } from './common-checks.ts';
import { QUEUE_CALLS } from './queue-calls.ts';
import { DEAD_QUEUE, QUEUES_CALLS } from './queues-calls.ts';
import { STORAGE_CALLS } from './storage-calls.ts';
import { V2_CALLS } from './v2-calls.ts';

/** Every call with its checks. */
export const CALLS: readonly CheckedCall[] = [...QUEUE_CALLS, ...QUEUES_CALLS, ...STORAGE_CALLS, ...V2_CALLS];

/** The groups of checks that several calls share. */
export const GROUPS: readonly CheckGroup[] = [LOOKUP, QUEUE_NAME, NAMESPACE_NAME, DEAD_QUEUE];

/** The single checks of a step. */
export function checksOf(step: Check | CheckGroup): readonly Check[] {
  return 'checks' in step ? step.checks : [step];
}
