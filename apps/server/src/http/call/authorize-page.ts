import { accessDenied, type Caller, type Permission, SYSTEM_NAMESPACE } from '@querator/core';
import type { CallHeaders } from './call-headers.ts';
import type { Gate } from './gate.ts';

/**
 * Checks whether a caller may see a page. Returns a promise only if it has to
 * wait.
 *
 * @throws QueueError `unauthenticated` or `forbidden` to refuse. The promise may reject with it too.
 */
export type AuthorizePage = (
  permission: Extract<Permission, 'system.health' | 'system.metrics'>,
  headers: CallHeaders,
) => Promise<void> | undefined;

/** Shows every page to every caller. */
export const allowEveryPage: AuthorizePage = () => undefined;

/** Shows a page to callers who hold its permission in `_system`. */
export function authorizePagesBy(gate: Gate): AuthorizePage {
  return (permission, headers) => {
    const judge = (caller: Caller) => {
      if (!caller.may(permission, SYSTEM_NAMESPACE)) throw accessDenied();
    };
    const caller = gate.authenticate(headers);
    if (caller instanceof Promise) return caller.then(judge);
    judge(caller);
    return undefined;
  };
}
