import type { ClientError } from '../errors/client-error.ts';
import { ConnectError } from '../errors/connect-error.ts';
import { ConnectionLostError } from '../errors/connection-lost-error.ts';

/** System calls that run before the first byte is sent. */
const BEFORE_SENDING: ReadonlySet<unknown> = new Set(['connect', 'getaddrinfo', 'queryA', 'queryAaaa']);
/** Codes of connect failures that are not from a system call. */
const CONNECT_CODES: ReadonlySet<unknown> = new Set([
  ...['UND_ERR_CONNECT_TIMEOUT', 'ECONNREFUSED', 'ENOTFOUND'],
  // The server's certificate was refused, before anything was sent.
  ...['ERR_TLS_CERT_ALTNAME_INVALID', 'CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_REVOKED'],
  ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_UNTRUSTED'],
]);
/** The most causes to follow. */
const MOST_CAUSES = 8;

interface SystemError {
  readonly message?: unknown;
  readonly code?: unknown;
  readonly syscall?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** Maps an error of `fetch` to a client error: whether the request was sent before the connection failed. */
export function fetchFailure(url: string, error: unknown): ClientError {
  return all(error).every(isBeforeSending) ? connectFailure(url, error) : lossOf(url, error);
}

/** The failure to connect, as it is reported. */
export function connectFailure(url: string, error: unknown): ConnectError {
  return new ConnectError(url, reasonOf(error), error);
}

/** The failure of a connection on which a request may have been sent, as it is reported. */
export function lossOf(url: string, error: unknown): ConnectionLostError {
  return new ConnectionLostError(url, reasonOf(error), error);
}

function reasonOf(error: unknown): string {
  return all(error).map(describe).join('; ');
}

/** fetch wraps the real error, and a host with several addresses has an error per address. */
function all(error: unknown): SystemError[] {
  return unwrap(error, MOST_CAUSES);
}

/** Limits the depth, because a user's `fetch` may throw any value, even an error that is its own cause. */
function unwrap(thrown: unknown, depth: number): SystemError[] {
  if (typeof thrown !== 'object' || thrown === null) return [{ message: String(thrown) }];
  const error: SystemError = thrown;
  if (depth === 0) return [error];
  if (Array.isArray(error.errors) && error.errors.length > 0) {
    return error.errors.flatMap((each) => unwrap(each, depth - 1));
  }
  return error.cause instanceof Error ? unwrap(error.cause, depth - 1) : [error];
}

function isBeforeSending({ syscall, code }: SystemError): boolean {
  return BEFORE_SENDING.has(syscall) || CONNECT_CODES.has(code);
}

function describe({ message, code }: SystemError): string {
  return String(message || code || 'unknown failure');
}
