import type { AccessStore, AccessTransaction, CallAudit, Clock, Random } from '@querator/core';
import type { ChangeLimits } from './authorization/change-limits.ts';

/** What the calls on access control depend on. */
export interface AccessDeps {
  readonly store: AccessStore;
  readonly clock: Clock;
  /** Makes secrets and ids. Use the system's outside of tests. */
  readonly random: Random;
  readonly limits: ChangeLimits;
  /** Runs after each change, when it is durable. */
  readonly changed: () => void;
}

/**
 * Runs a change, and reports it. An error may come after an unknown outcome, so that it is reported too.
 *
 * @param audit of the call; its event is stored with the change. Undefined: the call is not audited.
 */
export async function change<T>(
  { store, changed }: AccessDeps,
  work: (transaction: AccessTransaction) => Promise<T>,
  audit?: CallAudit,
): Promise<T> {
  try {
    return await store.change(work, audit?.storedEvent);
  } finally {
    changed();
  }
}
