import { type AccessTransaction, type Clock, LIMITS, type Random, SYSTEM_NAMESPACE } from '@querator/core';
import { newRecordId } from '../keys/record-id.ts';
import { ADMIN_ROLE } from './standard-roles.ts';

/** An administrator to add. */
export interface NewAdmin {
  /** Used if there is no user of that name. */
  readonly userId: string;
  readonly username: string;
  /** Undefined: the user needs no key. */
  readonly key?: { readonly name: string; readonly hash: string; readonly prefix: string } | undefined;
}

/** The records of an administrator. */
export interface AddedAdmin {
  readonly userId: string;
  /** Undefined: there is no key, or the user had it already. */
  readonly keyId: string | undefined;
}

/** Adds what an administrator lacks: the user, the key, and the role Admin in `_system`, which has to exist. */
export async function addAdmin(
  transaction: AccessTransaction,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  { username, key, ...given }: NewAdmin,
): Promise<AddedAdmin> {
  const createdAt = clock.now();
  const existing = await transaction.userNamed(username);
  const userId = existing?.id ?? given.userId;
  if (existing === undefined) {
    const user = { id: userId, username, email: '', externalId: '' };
    await transaction.addUser({ ...user, createdAt, updatedAt: createdAt });
  }
  const first = { userId, pivot: '', limit: LIMITS.listPageDefault };
  const hasKey = (await transaction.apiKeys(first)).some(({ hash }) => hash === key?.hash);
  const keyId = key === undefined || hasKey ? undefined : newRecordId(clock, random);
  if (key !== undefined && keyId !== undefined) {
    const unset = { previous: undefined, expiresAt: undefined, lastUsedAt: undefined };
    await transaction.addApiKey({ id: keyId, userId, namespaceScope: '', ...key, ...unset, createdAt });
  }
  const role = await transaction.role(SYSTEM_NAMESPACE, ADMIN_ROLE);
  if (role === undefined) throw new Error(`the role ${ADMIN_ROLE} is missing`);
  const binding = { userId, namespace: SYSTEM_NAMESPACE, roleId: role.id };
  if ((await transaction.binding(binding)) === undefined) {
    await transaction.addBinding({ id: newRecordId(clock, random), ...binding, createdAt });
  }
  return { userId, keyId };
}
