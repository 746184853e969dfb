import {
  type AccessTransaction,
  ANONYMOUS,
  type ApiKey,
  errorText,
  type Instant,
  invalid,
  LIMITS,
  type RoleBinding,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import { ADMIN_ROLE } from '../bootstrap/standard-roles.ts';

/**
 * Runs a removal, unless it would remove the last administrator: a user with the
 * role Admin in `_system` who can log in. If no administrator could log in
 * before either, the removal must leave a role binding in `_system`: a start that
 * finds none takes the server for a new one, and opens its door.
 *
 * @throws QueueError `invalid`.
 */
export async function keepAnAdmin<T>(
  transaction: AccessTransaction,
  now: Instant,
  remove: () => Promise<T>,
): Promise<T> {
  const had = await hasAdmin(transaction, now);
  const hadRole = !had && (await hasBinding(transaction));
  const result = await remove();
  if (had && !(await hasAdmin(transaction, now))) {
    throw invalid(
      errorText`last administrator; nobody else has the role '${ADMIN_ROLE}' in '${SYSTEM_NAMESPACE}' ` +
        'and a valid API key without a namespace',
    );
  }
  if (hadRole && !(await hasBinding(transaction))) {
    throw invalid(errorText`last administrator; nobody else has a role in '${SYSTEM_NAMESPACE}'`);
  }
  return result;
}

async function hasBinding(transaction: AccessTransaction): Promise<boolean> {
  const first = { namespace: SYSTEM_NAMESPACE, userId: '', pivot: '', limit: 1 };
  return (await transaction.bindings(first)).length > 0;
}

async function hasAdmin(transaction: AccessTransaction, now: Instant): Promise<boolean> {
  const role = await transaction.role(SYSTEM_NAMESPACE, ADMIN_ROLE);
  if (role === undefined) return false;
  const bindings = (pivot: string) =>
    transaction.bindings({
      namespace: SYSTEM_NAMESPACE,
      userId: '',
      pivot,
      limit: LIMITS.listPageDefault,
    });
  return anyOf(bindings, async ({ roleId, userId }: RoleBinding) => {
    return roleId === role.id && (await canLogIn(transaction, userId, now));
  });
}

/** The anonymous user needs no key. */
async function canLogIn(transaction: AccessTransaction, userId: string, now: Instant): Promise<boolean> {
  if (userId === ANONYMOUS) return true;
  const keys = (pivot: string) => transaction.apiKeys({ userId, pivot, limit: LIMITS.listPageDefault });
  return anyOf(keys, async ({ namespaceScope, expiresAt }: ApiKey) => {
    return namespaceScope === '' && (expiresAt === undefined || expiresAt > now);
  });
}

/** Reads a list page by page until an element fits. Pages repeat the pivot. */
async function anyOf<T extends { readonly id: string }>(
  page: (pivot: string) => Promise<readonly T[]>,
  fits: (element: T) => Promise<boolean>,
): Promise<boolean> {
  for (let pivot = ''; ; ) {
    const found = await page(pivot);
    for (const element of found) if (await fits(element)) return true;
    const last = found.at(-1);
    if (found.length < LIMITS.listPageDefault || last === undefined) return false;
    pivot = last.id;
  }
}
