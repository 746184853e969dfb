import { type EndCall, type QuotaCall, QuotaError, type Quotas } from '@querator/access';
import { type Caller, type Clock, SYSTEM_NAMESPACE } from '@querator/core';
import type { AnyEndpoint } from '@querator/protocol';
import { BroughtItems } from './brought-items.ts';
import type { CallHeaders } from './call-headers.ts';
import { ConnectionOwners } from './connection-owners.ts';

/** The dependencies of the judgement of calls by quotas. */
export interface CallQuotasDeps {
  readonly quotas: Quotas;
  readonly clock: Clock;
  /** The namespace of a queue. Undefined: there is no such queue. */
  readonly namespaceOf: (queueName: string) => string | undefined | Promise<string | undefined>;
}

/** Judges calls by the quotas of their callers and namespaces. */
export class CallQuotas {
  readonly #deps: CallQuotasDeps;
  readonly #owners = new ConnectionOwners();

  constructor(deps: CallQuotasDeps) {
    this.#deps = deps;
  }

  /**
   * Judges a call by what is known before its body is read.
   *
   * @throws QuotaError
   */
  admit(endpoint: AnyEndpoint, { principal }: Caller, { connection }: Pick<CallHeaders, 'connection'>): void {
    const { quotas } = this.#deps;
    if (!quotas.any) return;
    const { keyId, namespaceScope } = principal;
    if (connection !== undefined) {
      this.#claim(connection, 'key', keyId);
      if (namespaceScope !== '') this.#claim(connection, 'namespace', namespaceScope);
    }
    quotas.admit(principal, isRefusable(endpoint));
  }

  /**
   * Judges a call that is about to run. Returns a promise only if it has to wait.
   *
   * @returns ends the call; undefined if nothing has to be ended.
   * @throws QuotaError. The promise may reject with it too.
   */
  begin(
    endpoint: AnyEndpoint,
    request: unknown,
    { caller, connection }: { readonly caller: Caller; readonly connection: object | undefined },
  ): EndCall | undefined | Promise<EndCall | undefined> {
    if (!this.#deps.quotas.any) return undefined;
    const { traffic } = endpoint;
    const judge = (namespace: string | undefined) =>
      this.#begin(
        {
          principal: caller.principal,
          namespace,
          isRefusable: isRefusable(endpoint),
          waits: traffic === 'waits',
          brings: traffic === 'stores' ? new BroughtItems(itemsOf(request)) : undefined,
        },
        connection,
      );
    if (endpoint.judgedBy === 'queue') {
      const namespace = this.#namespaceOf(request as { readonly queueName: string });
      return namespace instanceof Promise ? namespace.then(judge) : judge(namespace);
    }
    if (!endpoint.namesNamespace) return judge(undefined);
    // Somebody who may not do this must not use up the limits of the namespace.
    const namespace = (request as { readonly namespace: string }).namespace || SYSTEM_NAMESPACE;
    const { permission } = endpoint;
    return judge(permission !== undefined && caller.may(permission, namespace) ? namespace : undefined);
  }

  /** Resolves when the answer to a refused call may be sent. Undefined: at once. */
  held(error: unknown): Promise<void> | undefined {
    if (!(error instanceof QuotaError) || error.holdMs === 0) return undefined;
    return new Promise((resolve) => {
      this.#deps.clock.startTimer(error.holdMs, resolve);
    });
  }

  #begin(
    call: QuotaCall,
    connection: object | undefined,
  ): EndCall | undefined | Promise<EndCall | undefined> {
    const { namespace, principal } = call;
    if (connection !== undefined && namespace !== undefined && principal.namespaceScope === '') {
      this.#claim(connection, 'namespace', namespace);
    }
    return this.#deps.quotas.begin(call);
  }

  /** Undefined: there is no such queue, or the call itself reports what is wrong with it. */
  #namespaceOf({
    queueName,
  }: {
    readonly queueName: string;
  }): string | undefined | Promise<string | undefined> {
    try {
      const namespace = this.#deps.namespaceOf(queueName);
      return namespace instanceof Promise ? namespace.catch(() => undefined) : namespace;
    } catch {
      return undefined;
    }
  }

  #claim(connection: object, slot: 'key' | 'namespace', name: string | undefined): void {
    const { quotas } = this.#deps;
    const meter = name === undefined ? undefined : quotas.meter({ kind: slot, name });
    quotas.judgeConnection(() =>
      this.#owners.claim(connection as Parameters<ConnectionOwners['claim']>[0], slot, meter),
    );
  }
}

/**
 * Whether a call may be refused for its rate. Those on leased items may not: a consumer
 * that could not complete an item or give it back would do its work once more.
 */
function isRefusable({ traffic }: AnyEndpoint): boolean {
  return traffic !== 'leased';
}

function itemsOf(request: unknown): readonly object[] {
  return (request as { readonly items: readonly object[] }).items;
}
