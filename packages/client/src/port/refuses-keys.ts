import { QueueError } from '@querator/core';

/** Whether a produce was refused, and nothing stored, because the queue's storage has no dedup keys. */
export function refusesKeys(error: unknown): boolean {
  return error instanceof QueueError && error.code === 'invalid' && error.missing === 'dedup';
}
