import {
  type AuditChange,
  type AuditEffect,
  type CallAudit,
  type Caller,
  echo,
  type Logger,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import type { AnyEndpoint } from '@querator/protocol';
import { boundedFields } from '../../observability/bounded-fields.ts';
import type { CallHeaders } from './call-headers.ts';
import type { ClientAddresses } from './client-addresses.ts';
import { refusalReply } from './refusal.ts';

/** Actions of later versions name them: `v2/queues.delete`. */
const FIRST_VERSION = '/v1/';

/** The dependencies of an audit log. */
export interface AuditLogDeps {
  /** Writes every event, however many there are. */
  readonly logger: Logger;
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

/** Logs who makes the calls that change settings, access or any number of items, and with what outcome. */
export class AuditLog {
  readonly #deps: AuditLogDeps;

  constructor(deps: AuditLogDeps) {
    this.#deps = deps;
  }

  /** Begins the record of a call. Call it while the client is connected. */
  record(call: AuditedCall): AuditRecord {
    return new AuditRecord(this.#deps, call);
  }
}

/** The events of one call. None of them holds a secret, a payload, or a long text. */
export class AuditRecord implements CallAudit {
  readonly #deps: AuditLogDeps;
  readonly #call: AuditedCall;
  /** Read early, because a connection that the client has closed has no address. */
  readonly #peer: string;
  /** Events are written to the log only. */
  readonly storedEvent = undefined;
  #object: AuditedObject | undefined;
  #effect: AuditEffect = {};
  #ended = false;

  constructor(deps: AuditLogDeps, call: AuditedCall) {
    this.#deps = deps;
    this.#call = call;
    this.#peer = deps.addresses.of(call.headers);
  }

  /** Adds what the request names. */
  names(request: unknown): void {
    this.#object = objectOf(request);
  }

  /**
   * The call is about to run. Looks for the namespace of its queue, because the
   * call may delete the queue. Writes an event if the call changes items: if the
   * process dies, some of them may have changed. Never rejects.
   */
  async begins(): Promise<void> {
    const { endpoint } = this.#call;
    const queue = this.#object?.queue;
    if (endpoint.judgedBy === 'queue' && queue !== undefined) {
      try {
        const namespace = await this.#deps.namespaceOf(queue);
        this.#object = { ...this.#object, namespace };
      } catch {
        // The call itself reports what is wrong with the queue or its storage.
      }
    }
    if (endpoint.audited === 'items') this.#write({ outcome: 'begun' });
  }

  add(effect: AuditEffect): void {
    this.#effect = { ...this.#effect, ...effect };
  }

  /** The call has taken effect. */
  succeeded(): void {
    const { id, items, changes = [] } = this.#effect;
    if (id !== undefined) this.#object = { ...this.#object, id };
    this.#ended = true;
    this.#write({ outcome: 'ok', items, changes: changes.length === 0 ? undefined : changes });
  }

  /** The call failed. Does nothing after `succeeded`: then only the answer failed. */
  failed(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const { code, message } = refusalReply(error);
    // An error of a body that could not be decoded may repeat a part of it.
    const reason = this.#object === undefined ? undefined : message;
    this.#write({ outcome: 'failed', code, reason });
  }

  #write(outcome: {
    readonly outcome: 'begun' | 'ok' | 'failed';
    readonly items?: number | undefined;
    readonly changes?: readonly AuditChange[] | undefined;
    readonly code?: number;
    readonly reason?: string | undefined;
  }): void {
    const { path, headers, caller } = this.#call;
    const { userId, username, keyId } = caller.principal;
    const fields = {
      action: path.startsWith(FIRST_VERSION) ? path.slice(FIRST_VERSION.length) : path.slice(1),
      ...outcome,
      user: username,
      userId,
      keyId,
      peer: this.#peer,
      ...this.#object,
      requestId: headers.requestId,
    };
    const present = Object.entries(fields).filter(([, value]) => value !== undefined);
    this.#deps.logger.info('audit', boundedFields(Object.fromEntries(present)));
  }
}

/** What a call changes, by the log field. */
interface AuditedObject {
  readonly namespace?: string | undefined;
  readonly queue?: string;
  readonly partition?: number;
  readonly name?: string;
  readonly id?: string;
  readonly role?: string;
  readonly ofUser?: string;
  readonly scope?: string;
  readonly permissions?: string;
}

/** The fields of requests that name an object, and their fields in the log. */
const NAMING = [
  ['queueName', 'queue'],
  ['name', 'name'],
  ['username', 'name'],
  ['id', 'id'],
  ['roleName', 'role'],
  ['userId', 'ofUser'],
  ['namespaceScope', 'scope'],
] as const;

/** There are fewer permissions. */
const MOST_PERMISSIONS = 50;

function objectOf(request: unknown): AuditedObject {
  const { namespace, partition, permissions } = request as Readonly<Record<string, unknown>>;
  const object: { -readonly [Field in keyof AuditedObject]: AuditedObject[Field] } = {};
  if (typeof namespace === 'string') object.namespace = namespace === '' ? SYSTEM_NAMESPACE : echo(namespace);
  for (const [from, to] of NAMING) {
    const text = textIn(request, from);
    if (text !== undefined && text !== '') object[to] = text;
  }
  if (typeof partition === 'number') object.partition = partition;
  if (Array.isArray(permissions)) {
    object.permissions = permissions
      .slice(0, MOST_PERMISSIONS)
      .map((name) => echo(String(name)))
      .join(' ');
  }
  return object;
}

function textIn(message: unknown, field: string): string | undefined {
  const value = (message as Readonly<Record<string, unknown>>)[field];
  return typeof value === 'string' ? echo(value) : undefined;
}
