import {
  type AccessReads,
  type CallAudit,
  type Caller,
  noSuchNamespace,
  type Role,
  type RoleBinding,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import { type AccessDeps, change } from '../access-deps.ts';
import { require } from '../authorization/permission-check.ts';
import { STANDARD_ROLES } from '../bootstrap/standard-roles.ts';
import { newRecordId } from '../keys/record-id.ts';
import { checkGiven, checkNoColon } from '../rules/field-rules.ts';
import { keepAnAdmin } from '../rules/last-admin.ts';
import { noSuchBinding, noSuchRole, noSuchUser } from '../rules/record-errors.ts';
import { type ListCall, type Page, readPage } from './page.ts';

/** A binding as a caller names it. */
export interface RoleBindingCall {
  readonly namespace: string;
  readonly roleName: string;
  readonly userId: string;
}

/**
 * Manages role bindings. All methods check their request in the documented order.
 *
 * All methods throw QueueError: `invalid` for a request that breaks a rule,
 * `forbidden` if the caller lacks the permission, `failed` for a missing role,
 * user or binding, `limited` for too many changes in one namespace. They throw StorageError when storage fails.
 */
export class RoleBindingsService {
  readonly #deps: AccessDeps;

  constructor(deps: AccessDeps) {
    this.#deps = deps;
  }

  /** Binds a role of the namespace, or a standard role, to a user. */
  async create(call: RoleBindingCall, caller: Caller, audit?: CallAudit): Promise<{ readonly id: string }> {
    const { namespace, roleName, userId } = call;
    checkGiven('namespace', namespace);
    checkGiven('role_name', roleName);
    checkGiven('user_id', userId);
    checkNoColon('user_id', userId);
    this.#deps.limits.require(caller, 'rolebinding.create', namespace);
    const { clock, random } = this.#deps;
    const id = newRecordId(clock, random);
    audit?.add({ id });
    await change(
      this.#deps,
      async (transaction) => {
        const role = await findRole(transaction, namespace, roleName);
        if (role === undefined) throw noSuchRole(namespace, roleName);
        if ((await transaction.user(userId)) === undefined) throw noSuchUser(userId);
        if ((await transaction.namespace(namespace)) === undefined) throw noSuchNamespace(namespace);
        await transaction.addBinding({ id, userId, namespace, roleId: role.id, createdAt: clock.now() });
      },
      audit,
    );
    return { id };
  }

  /** @param call `namespace`: empty for `_system`. `userId`: only bindings of this user; empty: of all. */
  async list(
    call: ListCall & Pick<RoleBinding, 'namespace' | 'userId'>,
    caller: Caller,
  ): Promise<Page<RoleBinding>> {
    const namespace = call.namespace || SYSTEM_NAMESPACE;
    require(caller, 'rolebinding.list', namespace);
    const { userId } = call;
    return readPage(
      call,
      (request) => this.#deps.store.bindings({ ...request, namespace, userId }),
      ({ id }) => id,
    );
  }

  /** Removes a binding. The last administrator keeps one. @param call `namespace`: empty for `_system`. */
  async delete(call: RoleBindingCall, caller: Caller, audit?: CallAudit): Promise<void> {
    const { roleName, userId } = call;
    const namespace = call.namespace || SYSTEM_NAMESPACE;
    checkNoColon('user_id', userId);
    this.#deps.limits.require(caller, 'rolebinding.delete', namespace);
    await change(
      this.#deps,
      async (transaction) => {
        const role = await findRole(transaction, namespace, roleName);
        if (role === undefined) throw noSuchRole(namespace, roleName);
        const binding = await transaction.binding({ userId, namespace, roleId: role.id });
        if (binding === undefined) throw noSuchBinding(namespace, userId, role.id);
        await keepAnAdmin(transaction, this.#deps.clock.now(), () => transaction.removeBinding(binding.id));
      },
      audit,
    );
  }
}

/** Standard roles live in `_system`, and every namespace can bind them. */
async function findRole(reads: AccessReads, namespace: string, name: string): Promise<Role | undefined> {
  return reads.role(STANDARD_ROLES.has(name) ? SYSTEM_NAMESPACE : namespace, name);
}
