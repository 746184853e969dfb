import { ClientError, isUnstored } from '@querator/client';
import { MESSAGES, QueueError } from '@querator/core';
import { CallFailed } from './queue-calls.ts';

/**
 * Tells what is known of a call that failed, by the promises of the protocol
 * and nothing else.
 *
 * @throws the error itself where a caller that knows the protocol never gets it.
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
