import {
  type ApiKey,
  addDuration,
  type CallAudit,
  type Caller,
  type Duration,
  type Instant,
  invalid,
  milliseconds,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import { type AccessDeps, change } from '../access-deps.ts';
import { require } from '../authorization/permission-check.ts';
import { newKey } from '../keys/api-key-text.ts';
import { newRecordId } from '../keys/record-id.ts';
import { checkGiven, checkTag, checkText, FIELD_LIMITS } from '../rules/field-rules.ts';
import { keepAnAdmin } from '../rules/last-admin.ts';
import { noSuchKey, noSuchUser } from '../rules/record-errors.ts';
import { type ListCall, type Page, readPage } from './page.ts';

/** The tag of a key if neither the request nor the namespace has one. */
const DEFAULT_TAG = 'live';
/** The longest time of grace after a rotation: 30 days. */
const LONGEST_GRACE: Duration = milliseconds(30 * 86_400_000);

/** A key to be created. */
export interface ApiKeyCall {
  readonly userId: string;
  readonly name: string;
  /** Empty: the key is valid in all namespaces. */
  readonly namespaceScope: string;
  readonly expiresAt: Instant | undefined;
  /** Empty: the tag of the namespace of the scope, or else `live`. */
  readonly keyTag: string;
}

/** A key right after its creation or rotation. Nothing else ever shows the text. */
export interface IssuedKey {
  readonly id: string;
  /** The whole key, with its secret. */
  readonly key: string;
  readonly prefix: string;
}

/**
 * Manages API keys. All methods check their request in the documented order.
 *
 * All methods throw QueueError: `invalid` for a request that breaks a rule,
 * `forbidden` if the caller lacks the permission, `failed` for a missing user or
 * key. They throw StorageError when storage fails.
 */
export class ApiKeysService {
  readonly #deps: AccessDeps;

  constructor(deps: AccessDeps) {
    this.#deps = deps;
  }

  async create(call: ApiKeyCall, caller: Caller, audit?: CallAudit): Promise<IssuedKey> {
    const { userId, name, namespaceScope, expiresAt, keyTag } = call;
    checkGiven('user_id', userId);
    checkText('name', name, FIELD_LIMITS.name);
    checkTag('key_tag', keyTag);
    checkText('namespace_scope', namespaceScope, FIELD_LIMITS.contact);
    require(caller, 'apikey.create', SYSTEM_NAMESPACE);
    const { clock, random } = this.#deps;
    const id = newRecordId(clock, random);
    audit?.add({ id });
    return change(
      this.#deps,
      async (transaction) => {
        if ((await transaction.user(userId)) === undefined) throw noSuchUser(userId);
        const scope = namespaceScope === '' ? undefined : await transaction.namespace(namespaceScope);
        const { text, hash, prefix } = newKey(keyTag || scope?.apiKeyTag || DEFAULT_TAG, random);
        const stored = { id, userId, name, namespaceScope, hash, prefix, expiresAt };
        await transaction.addApiKey({
          ...stored,
          previous: undefined,
          lastUsedAt: undefined,
          createdAt: clock.now(),
        });
        return { id, key: text, prefix };
      },
      audit,
    );
  }

  /** @param call `userId`: only keys of this user. Empty: of all users. */
  async list(call: ListCall & { readonly userId: string }, caller: Caller): Promise<Page<ApiKey>> {
    require(caller, 'apikey.list', SYSTEM_NAMESPACE);
    const { userId } = call;
    return readPage(
      call,
      (request) => this.#deps.store.apiKeys({ ...request, userId }),
      ({ id }) => id,
    );
  }

  /** Removes a key. It is refused from then on. The last administrator keeps a key. */
  async delete(id: string, caller: Caller, audit?: CallAudit): Promise<void> {
    require(caller, 'apikey.delete', SYSTEM_NAMESPACE);
    await change(
      this.#deps,
      async (transaction) => {
        const existed = await keepAnAdmin(transaction, this.#deps.clock.now(), () =>
          transaction.removeApiKey(id),
        );
        if (!existed) throw noSuchKey(id);
      },
      audit,
    );
  }

  /**
   * Gives a key a new secret, under the same id and tag. The present secret stays
   * valid for the time of grace. An earlier one ends at once.
   *
   * @param grace at most 30 days.
   */
  async rotate(id: string, grace: Duration, caller: Caller, audit?: CallAudit): Promise<IssuedKey> {
    checkGiven('id', id);
    if (grace < 0n) throw invalid('grace is invalid; cannot be negative');
    if (grace > LONGEST_GRACE) throw invalid("grace is invalid; cannot be greater than '720h0m0s'");
    require(caller, 'apikey.create', SYSTEM_NAMESPACE);
    require(caller, 'apikey.delete', SYSTEM_NAMESPACE);
    const { clock, random } = this.#deps;
    return change(
      this.#deps,
      async (transaction) => {
        const stored = await transaction.apiKey(id);
        if (stored === undefined) throw noSuchKey(id);
        const { text, hash, prefix } = newKey(stored.prefix.split('-')[1] || DEFAULT_TAG, random);
        const previous = { hash: stored.hash, validUntil: addDuration(clock.now(), grace) };
        await transaction.updateApiKey({ id, hash, prefix, previous });
        return { id, key: text, prefix };
      },
      audit,
    );
  }
}
