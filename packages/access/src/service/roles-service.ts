import {
  type CallAudit,
  type Caller,
  changesBetween,
  errorText,
  invalid,
  isBlank,
  noSuchNamespace,
  PERMISSIONS,
  type Role,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import { type AccessDeps, change } from '../access-deps.ts';
import { require } from '../authorization/permission-check.ts';
import { STANDARD_ROLES } from '../bootstrap/standard-roles.ts';
import { newRecordId } from '../keys/record-id.ts';
import { checkGiven, checkNoColon, checkText, FIELD_LIMITS } from '../rules/field-rules.ts';
import { noSuchRole } from '../rules/record-errors.ts';
import { type ListCall, type Page, readPage } from './page.ts';

/** The names of a role. */
export type RoleKey = Pick<Role, 'namespace' | 'name'>;

/** A role as a caller gives it. */
export type RoleCall = Pick<Role, 'namespace' | 'name' | 'permissions'>;

const KNOWN: ReadonlySet<string> = new Set(PERMISSIONS);

/**
 * Manages roles. All methods check their request in the documented order.
 *
 * All methods throw QueueError: `invalid` for a request that breaks a rule,
 * `forbidden` if the caller lacks the permission, `failed` for a missing role or
 * namespace, `limited` for too many changes in one namespace. They throw StorageError when storage fails.
 */
export class RolesService {
  readonly #deps: AccessDeps;

  constructor(deps: AccessDeps) {
    this.#deps = deps;
  }

  async create(
    { namespace, name, permissions }: RoleCall,
    caller: Caller,
    audit?: CallAudit,
  ): Promise<{ readonly id: string }> {
    checkGiven('namespace', namespace);
    checkGiven('name', name);
    checkText('name', name, FIELD_LIMITS.name);
    checkNoColon('name', name);
    checkPermissions(permissions);
    this.#deps.limits.require(caller, 'role.create', namespace);
    checkNotStandard(name);
    const { clock, random } = this.#deps;
    const id = newRecordId(clock, random);
    audit?.add({ id });
    await change(
      this.#deps,
      async (transaction) => {
        if ((await transaction.namespace(namespace)) === undefined) throw noSuchNamespace(namespace);
        if (isBlank(name)) throw invalid('role name is invalid; cannot be empty');
        await transaction.addRole({ id, namespace, name, permissions, createdAt: clock.now() });
      },
      audit,
    );
    return { id };
  }

  /** @param call `namespace`: empty for `_system`. */
  async list(call: ListCall & { readonly namespace: string }, caller: Caller): Promise<Page<Role>> {
    const namespace = call.namespace || SYSTEM_NAMESPACE;
    require(caller, 'role.list', namespace);
    return readPage(
      call,
      (request) => this.#deps.store.roles({ ...request, namespace }),
      ({ id }) => id,
    );
  }

  /** Replaces the permissions. An empty list is valid. */
  async update({ namespace, name, permissions }: RoleCall, caller: Caller, audit?: CallAudit): Promise<void> {
    checkGiven('namespace', namespace);
    checkGiven('name', name);
    checkPermissions(permissions);
    this.#deps.limits.require(caller, 'role.update', namespace);
    await change(
      this.#deps,
      async (transaction) => {
        const role = await transaction.role(namespace, name);
        if (role === undefined) throw noSuchRole(namespace, name);
        checkNotStandard(name);
        await transaction.updateRole({ id: role.id, permissions });
        const changes = changesBetween({ permissions: role.permissions }, { permissions });
        audit?.add({ id: role.id, changes });
      },
      audit,
    );
  }

  /** Removes a role without bindings. @param key `namespace`: empty for `_system`. */
  async delete({ namespace: given, name }: RoleKey, caller: Caller, audit?: CallAudit): Promise<void> {
    const namespace = given || SYSTEM_NAMESPACE;
    this.#deps.limits.require(caller, 'role.delete', namespace);
    await change(
      this.#deps,
      async (transaction) => {
        const role = await transaction.role(namespace, name);
        if (role === undefined) throw noSuchRole(namespace, name);
        checkNotStandard(name);
        if ((await transaction.bindingsOf(role.id, 1)).length > 0) {
          throw invalid(
            errorText`role has active bindings; '${name}' has active bindings, delete bindings first`,
          );
        }
        await transaction.removeRole(role.id);
      },
      audit,
    );
  }
}

function checkPermissions(permissions: readonly string[]): void {
  const unknown = permissions.find((permission) => !KNOWN.has(permission));
  if (unknown !== undefined) {
    throw invalid(errorText`permission is invalid; '${unknown}' is not a recognized permission`);
  }
}

function checkNotStandard(name: string): void {
  if (STANDARD_ROLES.has(name)) {
    throw invalid(errorText`cannot modify or delete standard role; '${name}' is a standard role`);
  }
}
