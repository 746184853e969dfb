import type { Permission } from '@querator/core';
import type { CallHeaders } from './call-headers.ts';

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

/** Shows every page to every caller, as long as there is no access control. */
export const allowEveryPage: AuthorizePage = () => undefined;
