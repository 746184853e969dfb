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

/** What quotas have to know of an endpoint. */
interface Traits {
  /**
   * False for calls on leased items. A consumer that could not complete an item or give
   * it back would do its work once more.
   */
  readonly isRefusable: boolean;
  /** Whether it waits for items. */
  readonly waits: boolean;
  /** Whether it stores the items of the request. */
  readonly brings: boolean;
  /** How its request names the namespace that it concerns. */
  readonly names: 'queue' | 'namespace' | undefined;
}

const ON_LEASED_ITEMS = /\/queue\.(complete|retry|extend)$/;
const LEASE = /\/queue\.lease$/;
const CREATE_OR_LIST = /\/queues\.(create|list)$/;

/** Judges calls by the quotas of their callers and namespaces. */
export class CallQuotas {
  readonly #deps: CallQuotasDeps;
  readonly #owners = new ConnectionOwners();
  readonly #traits = new WeakMap<AnyEndpoint, Traits>();

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
    quotas.admit(principal, this.#traitsOf(endpoint).isRefusable);
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
    const { names, isRefusable, waits, brings } = this.#traitsOf(endpoint);
    const { items } = request as { readonly items?: readonly object[] };
    const judge = (namespace: string | undefined) =>
      this.#begin(
        {
          principal: caller.principal,
          namespace,
          isRefusable,
          waits,
          brings: brings && Array.isArray(items) ? new BroughtItems(items) : undefined,
        },
        connection,
      );
    if (names === undefined) return judge(undefined);
    if (names === 'queue') {
      const namespace = this.#namespaceOf(request as { readonly queueName: string });
      return namespace instanceof Promise ? namespace.then(judge) : judge(namespace);
    }
    // Somebody who may not do this must not use up the limits of the namespace.
    const namespace = (request as { readonly namespace: string }).namespace || SYSTEM_NAMESPACE;
    return judge(caller.may(endpoint.permission, namespace) ? namespace : undefined);
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

  #traitsOf(endpoint: AnyEndpoint): Traits {
    let traits = this.#traits.get(endpoint);
    if (traits === undefined) {
      const { path, permission, judgedBy } = endpoint;
      traits = {
        isRefusable: !ON_LEASED_ITEMS.test(path),
        waits: LEASE.test(path),
        brings: permission === 'queue.produce',
        names: judgedBy === 'queue' ? 'queue' : CREATE_OR_LIST.test(path) ? 'namespace' : undefined,
      };
      this.#traits.set(endpoint, traits);
    }
    return traits;
  }
}
