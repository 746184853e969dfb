import {
  type CallAudit,
  type Caller,
  changesBetween,
  checkNamespaceName,
  errorText,
  invalid,
  type Namespace,
  noSuchNamespace,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import { type AccessDeps, change } from '../access-deps.ts';
import { require } from '../authorization/permission-check.ts';
import { checkTag, checkText } from '../rules/field-rules.ts';
import { type ListCall, type Page, readPage } from './page.ts';

/** A namespace as a caller gives it. */
export type NamespaceCall = Pick<Namespace, 'name' | 'description' | 'apiKeyTag'>;

/** Names that begin so are the server's own. */
const RESERVED_PREFIX = '_';

/**
 * Manages namespaces. All methods check their request in the documented order.
 *
 * All methods throw QueueError: `invalid` for a request that breaks a rule,
 * `forbidden` if the caller lacks the permission, `failed` for a missing
 * namespace. They throw StorageError when storage fails.
 */
export class NamespacesService {
  readonly #deps: AccessDeps;

  constructor(deps: AccessDeps) {
    this.#deps = deps;
  }

  async create(call: NamespaceCall, caller: Caller, audit?: CallAudit): Promise<void> {
    checkFields(call);
    require(caller, 'namespace.create', SYSTEM_NAMESPACE);
    checkNotReserved(call.name);
    const { name, description, apiKeyTag } = call;
    const createdAt = this.#deps.clock.now();
    await change(
      this.#deps,
      (transaction) => transaction.addNamespace({ name, description, apiKeyTag, createdAt }),
      audit,
    );
  }

  /** Replaces description and tag. */
  async update(call: NamespaceCall, caller: Caller, audit?: CallAudit): Promise<void> {
    checkFields(call);
    require(caller, 'namespace.update', SYSTEM_NAMESPACE);
    checkNotReserved(call.name);
    await change(
      this.#deps,
      async (transaction) => {
        const stored = await transaction.namespace(call.name);
        if (stored === undefined) throw noSuchNamespace(call.name);
        await transaction.updateNamespace(call);
        audit?.add({ changes: changesBetween(valuesOf(stored), valuesOf(call)) });
      },
      audit,
    );
  }

  async list(call: ListCall, caller: Caller): Promise<Page<Namespace>> {
    require(caller, 'namespace.list', SYSTEM_NAMESPACE);
    return readPage(
      call,
      (request) => this.#deps.store.namespaces(request),
      ({ name }) => name,
    );
  }

  /** Removes an empty namespace, and the API keys that are scoped to it. */
  async delete(name: string, caller: Caller, audit?: CallAudit): Promise<void> {
    checkNamespaceName(name);
    require(caller, 'namespace.delete', SYSTEM_NAMESPACE);
    checkNotReserved(name);
    await change(
      this.#deps,
      async (transaction) => {
        const first = { namespace: name, pivot: '', limit: 1 };
        if ((await transaction.bindings({ ...first, userId: '' })).length > 0) {
          throw invalid(
            errorText`namespace has role bindings; '${name}' has role bindings, delete role bindings first`,
            'not_empty',
          );
        }
        if ((await transaction.roles(first)).length > 0) {
          throw invalid(errorText`namespace has roles; '${name}' has roles, delete roles first`, 'not_empty');
        }
        if (await transaction.namespaceHasQueues(name)) {
          throw invalid(
            errorText`namespace has queues; '${name}' has queues, delete queues first`,
            'not_empty',
          );
        }
        if (!(await transaction.removeNamespace(name))) throw noSuchNamespace(name);
      },
      audit,
    );
  }
}

/** What an update can change, under the names of the API. */
function valuesOf({ description, apiKeyTag }: NamespaceCall) {
  return { description, api_key_tag: apiKeyTag };
}

function checkFields({ name, description, apiKeyTag }: NamespaceCall): void {
  checkNamespaceName(name);
  checkTag('api_key_tag', apiKeyTag);
  checkText('description', description, Number.POSITIVE_INFINITY);
}

function checkNotReserved(name: string): void {
  if (name.startsWith(RESERVED_PREFIX)) {
    throw invalid(
      errorText`namespace name is reserved; '${name}' names starting with '${RESERVED_PREFIX}' are reserved`,
    );
  }
}
