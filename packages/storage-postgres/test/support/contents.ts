import { milliseconds, type NewItem, type Outcome } from '@querator/core';

/** Longer than any test runs. */
export const HOUR = milliseconds(3_600_000);

/** An item that its reference identifies. */
export function item(reference: string): NewItem {
  return { encoding: '', kind: '', reference, payload: new TextEncoder().encode(reference) };
}

/** An outcome as text: `ok`, or its error. */
export function verdict(outcome: Outcome<unknown> | undefined): string {
  return outcome === undefined ? 'no outcome' : outcome.ok ? 'ok' : outcome.error.message;
}
