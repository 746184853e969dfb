import { errorText, verbatim } from '../text/error-text.ts';
import type { ErrorReason } from './error-reasons.ts';
import { MESSAGES } from './messages.ts';
import { invalid, QueueError } from './queue-error.ts';
import { StorageError } from './storage-error.ts';

/*
 * Failures that several places report. Their texts and reasons are documented
 * (docs/reference/errors.md).
 */

export function noSuchQueue(name: string): QueueError {
  return invalid(errorText`queue does not exist; no such queue named '${name}'`, 'no_such_queue');
}

export function noSuchNamespace(name: string): QueueError {
  return new QueueError('failed', errorText`namespace does not exist; '${name}' was not found`, {
    reason: 'no_such_record' satisfies ErrorReason,
  });
}

export function queueExists(name: string): QueueError {
  return invalid(errorText`invalid queue; '${name}' already exists`, 'queue_exists');
}

/** A schedule with that name exists in the namespace. */
export function scheduleExists(name: string): QueueError {
  return invalid(errorText`schedule is invalid; '${name}' already exists`);
}

/** The namespace has as many schedules as it may have. */
export function tooManySchedules(namespace: string, most: number): QueueError {
  const text = errorText`namespace '${namespace}' has too many schedules; ${most} is the most`;
  return new QueueError('failed', text, { reason: 'over_limit' satisfies ErrorReason });
}

/** The process is shutting down. */
export function serviceShutdown(): QueueError {
  return unavailable('failed', MESSAGES.serviceShutdown);
}

/** The queue is being stopped or deleted. */
export function queueShutdown(): QueueError {
  return unavailable('failed', MESSAGES.queueShutdown);
}

/** Nobody may produce to the queue now. @param retryAfterMs until the pause ends. Undefined: not known. */
export function queuePaused(retryAfterMs: number | undefined): QueueError {
  return new QueueError('retry', MESSAGES.queuePaused, {
    reason: 'queue_paused' satisfies ErrorReason,
    retryAfterMs,
  });
}

/** A pause would end before it begins. */
export function pauseHasPassed(): QueueError {
  return invalid('until is invalid; it must be in the future');
}

/** Too much waits for storage, or takes memory. Nothing was changed. */
export function overloaded(): QueueError {
  return new QueueError('retry', MESSAGES.overloaded, { reason: 'over_limit' satisfies ErrorReason });
}

/**
 * Storage failed, or did not answer in time.
 *
 * @param cause tells whether the call may have taken effect, if it is a StorageError.
 * @param message one of `MESSAGES`.
 */
export function storageFailed(cause?: unknown, message: string = MESSAGES.storageFailed): QueueError {
  const isUnknown = cause instanceof StorageError && cause.outcome === 'unknown';
  const reason: ErrorReason = isUnknown ? 'outcome_unknown' : 'unavailable';
  return new QueueError('retry', message, { reason, ...(cause === undefined ? {} : { cause }) });
}

/** Storage did not end earlier work, or a count, in time. Nothing was changed. @param what for the log. */
export function storageTooSlow(what: string): QueueError {
  return storageFailed(new StorageError(what, { outcome: 'not-applied' }));
}

/** Items were to be taken for a task when its time for that was over. */
export function takenTooLate(): QueueError {
  return unavailable('retry', 'the items were not taken in time; another attempt follows');
}

/** A request needs metadata, and a partition keeps none. @param fault of the partition's `ProbeResult`. */
export function metadataUnavailable(fault: string): QueueError {
  return capabilityMissing('metadata', errorText`metadata is not available; ${verbatim(fault)}`);
}

/** A server or a storage lacks a capability, or that is not known. Nothing was changed. */
export function capabilityMissing(missing: string, message: string): QueueError {
  return new QueueError('retry', message, { reason: 'unavailable' satisfies ErrorReason, missing });
}

/** A storage has no dedup keys. */
export function dedupMissing(storage: string): QueueError {
  const text = errorText`dedup_key is invalid; storage '${storage}' does not support dedup keys`;
  return new QueueError('invalid', text, { missing: 'dedup' });
}

/** The request cannot be served now, and was not. */
export function unavailable(code: 'failed' | 'retry', message: string, cause?: unknown): QueueError {
  const reason: ErrorReason = 'unavailable';
  return new QueueError(code, message, { reason, ...(cause === undefined ? {} : { cause }) });
}

/** As many tasks run as may. */
export function tooManyTasks(limit: number): QueueError {
  return new QueueError('retry', errorText`too many tasks; ${limit} of them run already, try again later`, {
    reason: 'over_limit' satisfies ErrorReason,
  });
}

/** A task of a kind of which a queue can have only one runs already. */
export function taskExcluded(): QueueError {
  return unavailable('retry', 'a task that changes the queue runs already; wait for its end, or cancel it');
}
