import { sqlStateOf } from './postgres-error.ts';
import { shortText } from './short-text.ts';

/** A server that was tried, and why it cannot be used. */
export interface ConnectFailure {
  /** Host and port. */
  readonly host: string;
  readonly error: unknown;
}

/** No connection could be opened. The message contains no password. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  /** The SQLSTATE, if a server refused the connection. */
  readonly code?: string;

  constructor(message: string, code?: string) {
    super(message);
    if (code !== undefined) this.code = code;
  }
}

/** The error to throw if no host can be used. If only one was tried, its own error. */
export function combined(failures: readonly ConnectFailure[]): Error {
  const last = failures.at(-1);
  if (failures.length === 1) return asError(last?.error);
  const reasons = failures.map(({ host, error }) => `${host}: ${reasonOf(error)}`);
  return new ConnectError(`no host serves: ${reasons.join('; ')}`, sqlStateOf(last?.error));
}

/**
 * The message of an error, short enough for one line of the log. If a name has several
 * addresses, its error has no message of its own but one error per address.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return shortText(error.errors.map(reasonOf).join(', '));
  return error instanceof Error && error.message !== '' ? shortText(error.message) : 'unknown failure';
}

function asError(error: unknown): Error {
  if (error instanceof Error && !(error instanceof AggregateError)) return error;
  return new ConnectError(reasonOf(error));
}
