import type { ClientError } from '../errors/client-error.ts';
import { ConnectError } from '../errors/connect-error.ts';
import { ConnectionLostError } from '../errors/connection-lost-error.ts';

/** System calls that come before the first byte is sent. */
const BEFORE_SENDING: ReadonlySet<unknown> = new Set(['connect', 'getaddrinfo', 'queryA', 'queryAaaa']);
/** Failures to connect that are no system call's. */
const CONNECT_CODES: ReadonlySet<unknown> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ECONNREFUSED', 'ENOTFOUND']);

interface SystemError {
  readonly message?: unknown;
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** Tells by what Node reports whether a request was sent before its connection failed. */
export function transportFailure(url: string, error: unknown): ClientError {
  // fetch wraps the real failure, and a name with several addresses has a failure for each.
  const all = unwrap(error as SystemError);
  const reason = all.map(describe).join('; ');
  return all.every(isBeforeSending)
    ? new ConnectError(url, reason, error)
    : new ConnectionLostError(url, reason, error);
}

function unwrap(error: SystemError): SystemError[] {
  if (Array.isArray(error.errors) && error.errors.length > 0) return error.errors.flatMap(unwrap);
  return error.cause instanceof Error ? unwrap(error.cause) : [error];
}

function isBeforeSending({ syscall, code }: SystemError): boolean {
  return BEFORE_SENDING.has(syscall) || CONNECT_CODES.has(code);
}

function describe({ message, code }: SystemError): string {
  return String(message || code || 'unknown failure');
}
