import {
  type AccessStore,
  type AccessTransaction,
  ANONYMOUS,
  type Clock,
  type Logger,
  type Random,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import { hashOfKey, prefixOfKey } from '../keys/api-key-text.ts';
import { newRecordId } from '../keys/record-id.ts';
import { addAdmin } from './add-admin.ts';
import { ADMIN_ROLE, STANDARD_ROLES } from './standard-roles.ts';

/** The text that a log has while everybody may do everything. */
const OPEN_DOOR =
  'SYSTEM RUNNING IN OPEN DOOR MODE - anonymous user has admin privileges. ' +
  'Remove the anonymous admin binding to secure the system.';

/** The user of the configured key of the first administrator. */
const FIRST_ADMIN = 'admin';

export interface BootstrapDeps {
  readonly store: AccessStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Whether access control is on. While it is off, no first administrator is created. */
  readonly enforced: boolean;
  /** The key of the first administrator. Undefined: the first start leaves the door open. */
  readonly adminKey?: string | undefined;
}

/**
 * Prepares the store at every start: the namespace `_system` and the standard
 * roles. A repetition changes nothing.
 *
 * A store without a role binding in `_system` gets a first administrator: the user
 * of the configured key, or else the anonymous user (the open door). A store with
 * such a binding stays as it is, so no later start opens the door.
 *
 * @throws StorageError
 */
export async function bootstrap(deps: BootstrapDeps): Promise<void> {
  const { store, logger } = deps;
  if (!(await isPrepared(deps))) await store.change((transaction) => prepare(transaction, deps));
  if (deps.enforced && (await isDoorOpen(store))) logger.warn(OPEN_DOOR);
}

async function isPrepared({ store, enforced }: BootstrapDeps): Promise<boolean> {
  if ((await store.namespace(SYSTEM_NAMESPACE)) === undefined) return false;
  for (const [name, permissions] of STANDARD_ROLES) {
    const role = await store.role(SYSTEM_NAMESPACE, name);
    if (role === undefined || !isSame(role.permissions, permissions)) return false;
  }
  return !enforced || (await hasBindings(store));
}

async function prepare(transaction: AccessTransaction, deps: BootstrapDeps): Promise<void> {
  const { clock, random, enforced } = deps;
  const now = clock.now();
  if ((await transaction.namespace(SYSTEM_NAMESPACE)) === undefined) {
    await transaction.addNamespace({
      name: SYSTEM_NAMESPACE,
      description: '',
      apiKeyTag: '',
      createdAt: now,
    });
  }
  for (const [name, permissions] of STANDARD_ROLES) {
    const role = await transaction.role(SYSTEM_NAMESPACE, name);
    if (role === undefined) {
      const id = newRecordId(clock, random);
      await transaction.addRole({ id, namespace: SYSTEM_NAMESPACE, name, permissions, createdAt: now });
    } else if (!isSame(role.permissions, permissions)) {
      await transaction.updateRole({ id: role.id, permissions });
    }
  }
  if (!enforced || (await hasBindings(transaction))) return;
  const { adminKey } = deps;
  if (adminKey === undefined) {
    await addAdmin(transaction, deps, { userId: ANONYMOUS, username: ANONYMOUS });
    return;
  }
  const key = { name: 'configured', hash: hashOfKey(adminKey), prefix: prefixOfKey(adminKey) };
  await addAdmin(transaction, deps, { userId: newRecordId(clock, random), username: FIRST_ADMIN, key });
}

/** Whether the anonymous user administers the server. */
async function isDoorOpen(store: AccessStore): Promise<boolean> {
  const role = await store.role(SYSTEM_NAMESPACE, ADMIN_ROLE);
  if (role === undefined) return false;
  const key = { userId: ANONYMOUS, namespace: SYSTEM_NAMESPACE, roleId: role.id };
  return (await store.binding(key)) !== undefined;
}

async function hasBindings(store: Pick<AccessStore, 'bindings'>): Promise<boolean> {
  const first = { namespace: SYSTEM_NAMESPACE, userId: '', pivot: '', limit: 1 };
  return (await store.bindings(first)).length > 0;
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((each, index) => each === others[index]);
}
