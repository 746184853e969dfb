import {
  type AuditEffect,
  type AuditOutcome,
  actionOf,
  byteLength,
  type CallAudit,
  type Caller,
  echo,
  LIMITS,
  type Logger,
  type MakeAuditEvent,
  MESSAGES,
  type NewAuditEvent,
  QueueError,
  type Random,
  unavailable,
} from '@querator/core';
import type { AnyEndpoint } from '@querator/protocol';
import type { AuditTable } from '../../audit/audit-table.ts';
import { boundedFields } from '../../observability/bounded-fields.ts';
import { type AuditedObject, namespaceIn, objectOf, queueNameIn } from './audited-object.ts';
import type { CallHeaders } from './call-headers.ts';
import type { ClientAddresses } from './client-addresses.ts';
import { refusalReply } from './refusal.ts';

/** As long as the ids of records. */
const CALL_ID_LENGTH = 27;

/** The dependencies of an audit. */
export interface AuditDeps {
  /** Writes every event, however many there are. Undefined: events are not logged. */
  readonly logger: Logger | undefined;
  /** Undefined: events are not stored. */
  readonly table: AuditTable | undefined;
  readonly random: Random;
  readonly addresses: ClientAddresses;
  /** The namespace of a queue. Undefined: there is no such queue. */
  readonly namespaceOf: (queueName: string) => string | undefined | Promise<string | undefined>;
}

/** A call that is audited, before its body is read. */
export interface AuditedCall {
  readonly path: string;
  readonly endpoint: AnyEndpoint;
  readonly headers: CallHeaders;
  readonly caller: Caller;
}

/** The events of one call. None of them holds a secret, a payload, or a long text. */
export class AuditRecord implements CallAudit {
  readonly #deps: AuditDeps;
  readonly #call: AuditedCall;
  readonly #callId: string;
  /** Read early, because a connection that the client has closed has no address. */
  readonly #peer: string;
  readonly storedEvent: MakeAuditEvent | undefined;
  #caller: Caller;
  #object: AuditedObject | undefined;
  #queueName: string | undefined;
  /** The whole name of the namespace that the call is about. */
  #namespace: string | undefined;
  #effect: AuditEffect = {};
  /** Whether the call passed all checks before its handler. */
  #isUnderWay = false;
  /** Whether the event before the call is stored. */
  #hasBegun = false;
  /** Whether a store got the event of the end, for the transaction of the change. */
  #isWithChange = false;
  #hasEnded = false;

  constructor(deps: AuditDeps, call: AuditedCall) {
    this.#deps = deps;
    this.#call = call;
    this.#caller = call.caller;
    this.#callId = deps.table === undefined ? '' : deps.random.base62(CALL_ID_LENGTH);
    this.#peer = deps.addresses.of(call.headers);
    this.storedEvent = deps.table && (() => this.#eventOfChange());
  }

  /** Adds what the request names. */
  names(request: unknown): void {
    this.#object = objectOf(request);
    this.#queueName = queueNameIn(request);
    // That of a queue is where the queue is, whatever the request says.
    if (this.#call.endpoint.judgedBy !== 'queue') this.#namespace = namespaceIn(request);
  }

  /**
   * The call is about to run. Looks for the namespace of its queue, because the
   * call may delete the queue. Tells of it if the call changes items: if the
   * process dies, some of them may have changed.
   *
   * @param caller with the permissions of this moment.
   * @throws QueueError `retry` or `failed` if the event cannot be stored. Then the call must not run.
   */
  async begins(caller: Caller): Promise<void> {
    const { endpoint } = this.#call;
    this.#caller = caller;
    this.#deps.table?.callBegins();
    this.#isUnderWay = true;
    const queue = this.#queueName;
    if (this.#namespace === undefined && queue !== undefined) {
      try {
        this.#namespace = await this.#deps.namespaceOf(queue);
      } catch {
        // The call itself reports what is wrong with the queue or its storage.
      }
    }
    if (endpoint.audited !== 'items') return;
    const event = this.#event('begun');
    try {
      await this.#deps.table?.append(event);
    } catch (error) {
      // Nothing of the call was done, whatever became of the event.
      throw error instanceof QueueError ? error : unavailable('retry', MESSAGES.storageFailed, error);
    }
    this.#hasBegun = true;
    this.#log(event);
  }

  add(effect: AuditEffect): void {
    this.#effect = { ...this.#effect, ...effect };
  }

  /** The call has taken effect. Never rejects: its outcome stays the same, whatever becomes of the event. */
  async succeeded(): Promise<void> {
    this.#hasEnded = true;
    const event = this.#event('ok');
    this.#log(event);
    if (!this.#isWithChange) await this.#deps.table?.appendEnd(event);
    this.#leave();
  }

  /** The call failed. Does nothing after `succeeded`: then only the answer failed. Never rejects. */
  async failed(error: unknown): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const { code, message } = refusalReply(error);
    // An error of a body that could not be decoded may repeat a part of it.
    const reason = this.#object === undefined ? undefined : message;
    const event = { ...this.#event('failed'), code, reason };
    this.#log(event);
    const { table } = this.#deps;
    // Whatever a store has committed of the change keeps its event.
    if (this.#hasBegun || this.#isWithChange) await table?.appendEnd(event);
    else await table?.appendRefusal(event);
    this.#leave();
  }

  #leave(): void {
    if (this.#isUnderWay) this.#deps.table?.callEnded();
  }

  #eventOfChange(): NewAuditEvent {
    this.#isWithChange = true;
    return this.#event('ok');
  }

  #event(outcome: AuditOutcome): NewAuditEvent {
    const { path, headers } = this.#call;
    const { userId, username, keyId } = this.#caller.principal;
    const { id, items, named, changes = [] } = outcome === 'ok' ? this.#effect : {};
    if (named !== undefined) this.#namespace = named.namespace;
    return {
      callId: this.#callId,
      outcome,
      action: actionOf(path),
      namespace: this.#visibleIn,
      ...{ userId, username, keyId, peer: this.#peer, requestId: headers.requestId },
      object: { ...this.#object, ...(id === undefined ? {} : { id }), ...(named && objectOf(named)) },
      ...{ changes, items, code: undefined, reason: undefined },
    };
  }

  /** A caller without the permission in a namespace must not write into the audit of its members. */
  get #visibleIn(): string {
    const namespace = this.#namespace;
    if (namespace === undefined || byteLength(namespace) > LIMITS.namespaceName) return '';
    const { permission } = this.#call.endpoint;
    return permission !== undefined && this.#caller.may(permission, namespace) ? namespace : '';
  }

  #log(event: NewAuditEvent): void {
    const { action, outcome, items, changes, code, reason } = event;
    const fields = {
      ...{ action, outcome, items, code, reason, changes: changes.length === 0 ? undefined : changes },
      ...{ user: event.username, userId: event.userId, keyId: event.keyId, peer: event.peer },
      namespace: this.#namespace === undefined ? undefined : echo(this.#namespace),
      ...event.object,
      requestId: event.requestId,
      ...this.#call.headers.trace?.logFields,
    };
    const present = Object.entries(fields).filter(([, value]) => value !== undefined);
    this.#deps.logger?.info('audit', boundedFields(Object.fromEntries(present)));
  }
}
