import {
  type AuditEvent,
  type AuditStore,
  accessDenied,
  actionsOf,
  type Caller,
  errorText,
  type Instant,
  instantFromMicroseconds,
  invalid,
  LAST_INSTANT,
  LIMITS,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import { require } from '../authorization/permission-check.ts';
import { cursorOf, positionOf } from './audit-cursor.ts';

/** What a caller asks of the audit. */
export interface AuditListCall {
  /** Empty or `_system`: the events of the whole server. */
  readonly namespace: string;
  /** Undefined: from the first. */
  readonly from: Instant | undefined;
  /** Exclusive. Undefined: up to the newest. */
  readonly to: Instant | undefined;
  /** The id or the name of a user. Empty: all. */
  readonly actor: string;
  /** A call, in every version or in one: `queues.delete`, `v2/queues.delete`. Empty: all. */
  readonly action: string;
  /** Of the page before. Empty: the first page. */
  readonly cursor: string;
  /** 0: 100. At most 500. */
  readonly limit: number;
}

/** A page of events, the newest first. It may be empty although more follow. */
export interface AuditEvents {
  readonly items: readonly AuditEvent[];
  /** Where the next page begins. Empty: no more events. */
  readonly cursor: string;
}

export interface AuditServiceDeps {
  readonly store: AuditStore;
  /** When a namespace was created. Undefined: there is no such namespace, or the storage keeps none. */
  readonly createdAt: (namespace: string) => Promise<Instant | undefined>;
}

const FIRST_INSTANT: Instant = instantFromMicroseconds(0n);

/** Lists audit events. The caller needs the permission to list role bindings. */
export class AuditService {
  readonly #deps: AuditServiceDeps;

  constructor(deps: AuditServiceDeps) {
    this.#deps = deps;
  }

  /**
   * A page of the events of a namespace. The members of a namespace see no events
   * of an earlier one of the same name.
   *
   * @throws QueueError `forbidden`; `invalid` for a bad limit or cursor. StorageError.
   */
  async list(call: AuditListCall, caller: Caller): Promise<AuditEvents> {
    const namespace = call.namespace || SYSTEM_NAMESPACE;
    require(caller, 'rolebinding.list', namespace);
    // A scoped key may read lists in `_system`, but this one has the events of all tenants.
    const { namespaceScope } = caller.principal;
    if (namespaceScope !== '' && namespaceScope !== namespace) throw accessDenied();
    const limit = pageLimit(call.limit);
    const after = positionOf(call.cursor);
    const { store, createdAt } = this.#deps;
    const isSystem = namespace === SYSTEM_NAMESPACE;
    const since = isSystem ? undefined : await createdAt(namespace);
    const from = later(call.from ?? FIRST_INSTANT, since ?? FIRST_INSTANT);
    const { events, next } = await store.list({
      namespace: isSystem ? undefined : namespace,
      from,
      to: call.to ?? LAST_INSTANT,
      actor: call.actor || undefined,
      actions: call.action === '' ? undefined : actionsOf(call.action),
      after,
      limit,
    });
    return { items: events, cursor: next === undefined ? '' : cursorOf(next) };
  }
}

function pageLimit(limit: number): number {
  if (limit < 0) throw invalid('limit is invalid; limit cannot be negative');
  if (limit > LIMITS.auditPage) {
    throw invalid(errorText`limit is invalid; cannot be greater than ${LIMITS.auditPage}`);
  }
  return limit || LIMITS.auditPageDefault;
}

function later(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}
