import {
  byteLength,
  errorText,
  hasWhitespace,
  invalid,
  LIMITS,
  OtherQueueError,
  type QueueError,
  type QueueRelations,
  type QueueStore,
} from '@querator/core';

/**
 * Checks the name of a dead-letter queue.
 *
 * @param deadQueue empty: there is none, and nothing to check.
 * @throws QueueError `invalid` with the documented text of the first rule broken.
 */
export function checkDeadQueueName(name: string, deadQueue: string): void {
  if (deadQueue === '') return;
  if (byteLength(deadQueue) > LIMITS.deadQueueName) {
    throw invalid(
      errorText`dead queue is invalid; cannot be greater than '${LIMITS.deadQueueName}' characters`,
      'too_large',
    );
  }
  if (deadQueue.includes('\0')) throw invalid('dead queue is invalid; cannot contain the character U+0000');
  if (hasWhitespace(deadQueue)) {
    throw invalid(errorText`dead queue is invalid; '${deadQueue}' cannot contain whitespace`);
  }
  if (deadQueue.includes('~')) {
    throw invalid(errorText`dead queue is invalid; '${deadQueue}' cannot contain '~' character`);
  }
  if (deadQueue === name) throw invalid('dead_queue cannot reference itself');
}

/** The error for a dead-letter queue that does not exist, or that the caller must not know. */
export function noSuchDeadQueue(deadQueue: string): QueueError {
  return invalid(
    errorText`dead_queue does not exist; '${deadQueue}' was not found, create it first`,
    'no_such_queue',
  );
}

/**
 * Checks that `deadQueue` may be the dead-letter queue of `name`. Chains are
 * refused from both ends, because a dead letter that dies again has no target.
 * Storage calls this function in the step that writes. So two instances that
 * change both queues at once cannot both pass.
 *
 * @param deadQueue not empty.
 * @throws QueueError `invalid` with the documented text of the first rule broken.
 */
export function checkDeadQueueRelations(
  name: string,
  deadQueue: string,
  { deadQueue: target, deadQueueEnds, usedBy }: QueueRelations,
): void {
  if (target === undefined) {
    throw noSuchDeadQueue(deadQueue);
  }
  if (deadQueueEnds)
    throw invalid(errorText`dead_queue does not exist; '${deadQueue}' is being deleted`, 'no_such_queue');
  if (target.deadQueue !== '') {
    throw invalid(errorText`dead_queue is invalid; '${deadQueue}' already has its own dead_queue configured`);
  }
  if (usedBy !== undefined) {
    throw new OtherQueueError(
      usedBy,
      (other) => errorText`dead_queue is invalid; '${name}' is itself the dead_queue of ${other}`,
    );
  }
}

/**
 * Checks that `name`, which is to be deleted, is not the dead-letter queue of another queue.
 *
 * @throws QueueError `invalid`.
 */
export function checkUnused(name: string, usedBy: string | undefined): void {
  if (usedBy === undefined) return;
  throw new OtherQueueError(
    usedBy,
    (other) =>
      errorText`queue is in use; '${name}' is the dead_queue of ${other}, update that queue first or use force`,
  );
}

/**
 * Checks the rules about a dead-letter queue early, for the documented order of
 * errors. The step that writes checks them again.
 *
 * @throws QueueError `invalid` when the dead-letter queue breaks a rule.
 */
export async function checkStoredDeadQueue(
  store: Pick<QueueStore, 'get' | 'findByDeadQueue'>,
  name: string,
  deadQueue: string,
): Promise<void> {
  checkDeadQueueName(name, deadQueue);
  if (deadQueue === '') return;
  const target = await store.get(deadQueue);
  const usedBy = await store.findByDeadQueue(name);
  checkDeadQueueRelations(name, deadQueue, { deadQueue: target, deadQueueEnds: false, usedBy });
}
