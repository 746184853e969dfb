import { ClientError, isUnstored } from '@querator/client';
import { MESSAGES, QueueError } from '@querator/core';
import { CallFailed } from './queue-calls.ts';

/**
 * The outcome of a failed call, by the promises of the protocol only.
 *
 * @throws the error itself if the protocol does not allow it.
 */
export function outcomeOf(error: unknown): CallFailed {
  if (error instanceof ClientError) {
    return new CallFailed(error.outcome === 'unknown' ? 'unknown' : 'not-done', error.message, error);
  }
  if (!(error instanceof QueueError)) throw error;
  const failed = (outcome: CallFailed['outcome']) => new CallFailed(outcome, error.message, error);
  if (error.message === MESSAGES.duplicateClientId || error.message === MESSAGES.leaseTimedOut) {
    return failed('not-done');
  }
  switch (error.code) {
    case 'invalid':
      return failed('invalid');
    case 'failed':
      return failed('not-done');
    case 'retry':
      return failed(isUnstored(error) ? 'not-done' : 'unknown');
    case 'internal':
      return failed('unknown');
    default:
      throw error;
  }
}

/** Waits for a call. @throws CallFailed if it fails; other errors that the protocol does not allow. */
export async function orFail<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw outcomeOf(error);
  }
}
