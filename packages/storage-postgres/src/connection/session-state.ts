import type { SessionTarget } from '../settings/session-target.ts';
import { SETTINGS_APPLIED } from './session-options.ts';

/** What a session must be like. `prefer-standby` is two searches: for a standby, then for any server. */
export type SessionDemand = Exclude<SessionTarget, 'prefer-standby'>;

/** The searches for a target. Each goes over all hosts before the next one starts. */
export function searches(target: SessionTarget): readonly SessionDemand[] {
  return target === 'prefer-standby' ? ['standby', 'any'] : [target];
}

/** Reads a {@link SessionState}. Does not read `default_transaction_read_only`: it can be off on a standby. */
export const SESSION_STATE_QUERY = `SELECT pg_catalog.pg_is_in_recovery() AS standby,
  pg_catalog.current_setting('transaction_read_only') OPERATOR(pg_catalog.=) 'on' AS "readOnly",
  pg_catalog.current_setting('default_transaction_isolation') AS isolation, ${SETTINGS_APPLIED} AS "settingsApplied"`;

export interface SessionState {
  readonly standby: boolean;
  readonly readOnly: boolean;
  /** `default_transaction_isolation`. */
  readonly isolation: string;
  /** Whether the settings that the session was opened with are in force. */
  readonly settingsApplied: boolean;
}

/**
 * Why the isolation level of new transactions is wrong. Undefined if it is right. Only
 * matters where settings are set within transactions. By then the isolation level can
 * no longer be changed.
 */
export function isolationFault({ isolation }: Pick<SessionState, 'isolation'>): string | undefined {
  if (isolation === 'read committed') return undefined;
  return (
    `default_transaction_isolation is '${isolation}', and a pooler prevents setting it for a ` +
    "session; ALTER ROLE … SET default_transaction_isolation = 'read committed'"
  );
}

/** Why a session does not meet a demand. Undefined if it does. */
export function mismatch(
  demand: SessionDemand,
  { standby, readOnly }: Pick<SessionState, 'standby' | 'readOnly'>,
): string | undefined {
  switch (demand) {
    case 'any':
      return undefined;
    case 'read-write':
      return readOnly ? 'session is read-only' : undefined;
    case 'read-only':
      return readOnly ? undefined : 'session is not read-only';
    case 'primary':
      return standby ? 'server is a standby' : undefined;
    case 'standby':
      return standby ? undefined : 'server is not a standby';
  }
}
