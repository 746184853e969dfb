import { invalid, LIMITS, type QueueStore } from '@querator/core';
import { byteLength, hasWhitespace } from '../service/check-name.ts';

/**
 * Checks that `deadQueue` may take the dead letters of the queue `name`
 * (api.md, queues.create, step 11). Chains are refused from both ends, since a
 * dead letter that dies again has nowhere to go.
 *
 * @param deadQueue empty: there is none, and nothing to check.
 * @throws QueueError `invalid` with the documented text of the first rule broken.
 */
export async function checkDeadQueue(store: QueueStore, name: string, deadQueue: string): Promise<void> {
  if (deadQueue === '') return;
  if (byteLength(deadQueue) > LIMITS.deadQueueName) {
    throw invalid(`dead queue is invalid; cannot be greater than '${LIMITS.deadQueueName}' characters`);
  }
  if (deadQueue.includes('\0')) throw invalid('dead queue is invalid; cannot contain the character U+0000');
  if (hasWhitespace(deadQueue)) {
    throw invalid(`dead queue is invalid; '${deadQueue}' cannot contain whitespace`);
  }
  if (deadQueue.includes('~')) {
    throw invalid(`dead queue is invalid; '${deadQueue}' cannot contain '~' character`);
  }
  if (deadQueue === name) throw invalid('dead_queue cannot reference itself');
  const target = await store.get(deadQueue);
  if (target === undefined) {
    throw invalid(`dead_queue does not exist; '${deadQueue}' was not found, create it first`);
  }
  if (target.deadQueue !== '') {
    throw invalid(`dead_queue is invalid; '${deadQueue}' already has its own dead_queue configured`);
  }
  const user = await store.findByDeadQueue(name);
  if (user !== undefined) {
    throw invalid(`dead_queue is invalid; '${name}' is itself the dead_queue of '${user}'`);
  }
}
