import { type CallAudit, type Caller, invalid, isBlank, SYSTEM_NAMESPACE, type User } from '@querator/core';
import { type AccessDeps, change } from '../access-deps.ts';
import { require } from '../authorization/permission-check.ts';
import { newRecordId } from '../keys/record-id.ts';
import { checkGiven, checkText, FIELD_LIMITS } from '../rules/field-rules.ts';
import { keepAnAdmin } from '../rules/last-admin.ts';
import { noSuchUser } from '../rules/record-errors.ts';
import { type ListCall, type Page, readPage } from './page.ts';

/** A user to be created. */
export type UserCall = Pick<User, 'username' | 'email' | 'externalId'>;

/**
 * Manages users. All methods check their request in the documented order.
 *
 * All methods throw QueueError: `invalid` for a request that breaks a rule,
 * `forbidden` if the caller lacks the permission, `failed` for a missing user.
 * They throw StorageError when storage fails.
 */
export class UsersService {
  readonly #deps: AccessDeps;

  constructor(deps: AccessDeps) {
    this.#deps = deps;
  }

  async create(
    { username, email, externalId }: UserCall,
    caller: Caller,
    audit?: CallAudit,
  ): Promise<{ readonly id: string }> {
    checkText('username', username, FIELD_LIMITS.name);
    checkGiven('username', username);
    checkText('email', email, FIELD_LIMITS.contact);
    checkText('external_id', externalId, FIELD_LIMITS.contact);
    require(caller, 'user.create', SYSTEM_NAMESPACE);
    if (isBlank(username)) throw invalid('username is invalid; cannot be empty');
    const { clock, random } = this.#deps;
    const id = newRecordId(clock, random);
    audit?.add({ id });
    const now = clock.now();
    await change(
      this.#deps,
      (transaction) =>
        transaction.addUser({ id, username, email, externalId, createdAt: now, updatedAt: now }),
      audit,
    );
    return { id };
  }

  async list(call: ListCall, caller: Caller): Promise<Page<User>> {
    require(caller, 'user.list', SYSTEM_NAMESPACE);
    return readPage(
      call,
      (request) => this.#deps.store.users(request),
      ({ id }) => id,
    );
  }

  /** Removes a user with its keys and bindings. The last administrator stays. */
  async delete(id: string, caller: Caller, audit?: CallAudit): Promise<void> {
    require(caller, 'user.delete', SYSTEM_NAMESPACE);
    await change(
      this.#deps,
      async (transaction) => {
        const existed = await keepAnAdmin(transaction, this.#deps.clock.now(), () =>
          transaction.removeUser(id),
        );
        if (!existed) throw noSuchUser(id);
      },
      audit,
    );
  }
}
