import { sqlStateOf } from './postgres-error.ts';
import { shortText } from './short-text.ts';

/** A server that was tried, and why it does not serve. */
export interface ConnectFailure {
  /** Host and port. */
  readonly host: string;
  readonly error: unknown;
}

/** No connection could be opened; in words that hold no password. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  /** The SQLSTATE, where it was a server that refused. */
  readonly code?: string;

  constructor(message: string, code?: string) {
    super(message);
    if (code !== undefined) this.code = code;
  }
}

/** What to throw when none of the hosts serves: of a single one its own error. */
export function combined(failures: readonly ConnectFailure[]): Error {
  const last = failures.at(-1);
  if (failures.length === 1) return asError(last?.error);
  const reasons = failures.map(({ host, error }) => `${host}: ${reasonOf(error)}`);
  return new ConnectError(`no host serves: ${reasons.join('; ')}`, sqlStateOf(last?.error));
}

/**
 * In words, and no more of them than a line of the log may hold. A name with several
 * addresses fails with an error for each, and no words of its own.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return shortText(error.errors.map(reasonOf).join(', '));
  return error instanceof Error && error.message !== '' ? shortText(error.message) : 'unknown failure';
}

function asError(error: unknown): Error {
  if (error instanceof Error && !(error instanceof AggregateError)) return error;
  return new ConnectError(reasonOf(error));
}
