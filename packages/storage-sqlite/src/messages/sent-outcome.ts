import { type Outcome, QueueError } from '@querator/core';
import { errorOf, type FailedCall, failureOf } from './failed-call.ts';

/** An outcome on its way between two threads. */
export type SentOutcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: FailedCall | undefined };

export function sendOutcomes<T>(outcomes: readonly Outcome<T>[]): readonly SentOutcome<T>[] {
  return outcomes.map((outcome) => (outcome.ok ? outcome : { ok: false, failure: failureOf(outcome.error) }));
}

export function receiveOutcomes<T>(sent: readonly SentOutcome<T>[], storage: string): readonly Outcome<T>[] {
  return sent.map((outcome) => {
    if (outcome.ok) return outcome;
    const error = outcome.failure && errorOf(outcome.failure, storage);
    if (error instanceof QueueError) return { ok: false, error };
    throw error ?? new Error('an outcome has an unknown error');
  });
}
