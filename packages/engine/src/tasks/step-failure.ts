import { type ErrorReason, MESSAGES, QueueError, StorageError } from '@querator/core';

const UNAVAILABLE: ErrorReason = 'unavailable';
const OVER_LIMIT: ErrorReason = 'over_limit';

/** Whether a step failed because it could not go on at the moment, and not for a fault of its task. */
export function isOutage(error: unknown): boolean {
  if (error instanceof QueueError) return error.code === 'retry' || error.reason === UNAVAILABLE;
  return error instanceof StorageError;
}

/** Whether a step could not go on because its items have no room. */
export function isOverLimit(error: unknown): boolean {
  return error instanceof QueueError && error.reason === OVER_LIMIT;
}

/** Why a step failed, for callers. An unknown error is for the log only: it may name anything. */
export function reasonOf(error: unknown): string {
  return error instanceof QueueError ? error.message : `${MESSAGES.internal}; see the log of the server`;
}
