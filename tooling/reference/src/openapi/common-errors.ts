import { type ErrorCode, MESSAGES } from '@querator/core';
import { BODY_CHECKS, HEADER_CHECKS } from '../checks/transport-checks.ts';
import type { DocumentedError } from './error-examples.ts';

/** Errors of access control and quotas, which come before the checks of a call. */
const CALLER_ERRORS: readonly DocumentedError[] = [
  { when: 'the key does not have the form of a key', text: 'api key is invalid', code: 'unauthenticated' },
  { when: 'no key has this secret', text: 'api key does not exist', code: 'unauthenticated' },
  { when: 'the key has expired', text: 'api key has expired', code: 'unauthenticated' },
  { when: 'the caller lacks the permission', text: 'access denied', code: 'forbidden' },
  {
    when: 'the key or the namespace exceeds its quota',
    text: "too many requests; namespace '<name>' may make <number> requests a second, try again later",
    code: 'limited',
    reason: 'over_limit',
  },
  {
    when: 'the address has tried too many unknown keys',
    text: 'too many requests with unknown api keys; try again later',
    code: 'limited',
    reason: 'over_limit',
  },
];

/** Errors that any call may have once its body was read. */
const SERVER_ERRORS: readonly DocumentedError[] = [
  {
    when: 'the process is shutting down',
    text: MESSAGES.serviceShutdown,
    code: 'failed',
    reason: 'unavailable',
  },
  { when: 'the server is overloaded', text: MESSAGES.overloaded, code: 'retry', reason: 'over_limit' },
  { when: 'storage fails', text: MESSAGES.storageFailed, code: 'retry', reason: 'unavailable' },
  { when: 'the server has a fault', text: MESSAGES.internal, code: 'internal' },
];

/** The errors that every call may have, by their code. */
export function commonErrors(code: ErrorCode): readonly DocumentedError[] {
  const all: readonly DocumentedError[] = [
    ...HEADER_CHECKS,
    ...BODY_CHECKS,
    ...CALLER_ERRORS,
    ...SERVER_ERRORS,
  ];
  return all.filter((error) => (error.code ?? 'invalid') === code);
}
