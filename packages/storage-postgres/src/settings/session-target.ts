import { SETTLED } from '../connection/session-options.ts';

const TARGETS = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const;

/** `target_session_attrs`, with libpq's meanings. */
export type SessionTarget = (typeof TARGETS)[number];

/** What a session must be like; `prefer-standby` is two searches, for a standby and for anything. */
export type SessionDemand = Exclude<SessionTarget, 'prefer-standby'>;

/** @throws Error when there is no such target. */
export function parseSessionTarget(text: string | undefined): SessionTarget {
  const target = TARGETS.find((each) => each === (text ?? 'any'));
  if (target === undefined) throw new Error(`target_session_attrs must be one of ${TARGETS.join(', ')}`);
  return target;
}

/** The searches a target asks for, one after the other over all hosts. */
export function searches(target: SessionTarget): readonly SessionDemand[] {
  return target === 'prefer-standby' ? ['standby', 'any'] : [target];
}

/** Asks for a {@link SessionState}. Not `default_transaction_read_only`: a standby may have that off. */
export const SESSION_STATE_QUERY = `SELECT pg_catalog.pg_is_in_recovery() AS standby,
  pg_catalog.current_setting('transaction_read_only') OPERATOR(pg_catalog.=) 'on' AS "readOnly",
  pg_catalog.current_setting('default_transaction_isolation') AS isolation, ${SETTLED} AS settled`;

export interface SessionState {
  readonly standby: boolean;
  readonly readOnly: boolean;
  /** `default_transaction_isolation`. */
  readonly isolation: string;
  /** Whether the settings that it may have been opened with are in force. */
  readonly settled: boolean;
}

/**
 * What is wrong with how transactions begin; absent: nothing. It matters where
 * settings are made in transactions, which is too late for this one.
 */
export function isolationFault({ isolation }: Pick<SessionState, 'isolation'>): string | undefined {
  if (isolation === 'read committed') return undefined;
  return (
    `default_transaction_isolation is '${isolation}', and a pooler stands in the way of setting it for a ` +
    "session; ALTER ROLE … SET default_transaction_isolation = 'read committed'"
  );
}

/** What keeps a session from being what is asked for; absent: nothing. */
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
