import {
  type AccessTransaction,
  type CallAudit,
  type Caller,
  changesBetween,
  errorText,
  invalid,
  noSuchNamespace,
  QUOTA_LIMITS,
  type QuotaLimit,
  type QuotaLimits,
  type QuotaSubject,
  SYSTEM_NAMESPACE,
} from '@querator/core';
import { type AccessDeps, change } from '../access-deps.ts';
import { require } from '../authorization/permission-check.ts';
import type { QueueCounts } from '../quotas/queue-creations.ts';
import type { QuotaSource } from '../quotas/quota-table.ts';
import type { Quotas, QuotaUsage, StockUsage } from '../quotas/quotas.ts';
import { checkText, FIELD_LIMITS } from '../rules/field-rules.ts';
import { noSuchKey } from '../rules/record-errors.ts';

/** The subject of a call on quotas. One of both is empty. */
export interface QuotaSubjectCall {
  readonly namespace: string;
  readonly keyId: string;
}

/** A quota and its use. */
export interface QuotaView {
  readonly limits: QuotaLimits;
  readonly source: QuotaSource | 'none';
  readonly usage: QuotaUsage;
  /** What the namespace holds. Undefined for a key. */
  readonly stock: (StockUsage & QueueCounts) | undefined;
}

/** The names of limits in the API. */
const FIELDS: Readonly<Record<QuotaLimit, string>> = {
  queues: 'queues',
  partitions: 'partitions',
  itemsWaiting: 'items_waiting',
  bytesWaiting: 'bytes_waiting',
  requestsPerSecond: 'requests_per_second',
  itemsPerSecond: 'items_per_second',
  waitingConsumers: 'waiting_consumers',
  connections: 'connections',
};

/**
 * Shows and sets the limits of namespaces and API keys.
 *
 * All methods throw QueueError: `invalid` for a request that breaks a rule,
 * `forbidden` if the caller lacks the permission, `failed` for a missing namespace
 * or key, `retry` while a process would not keep to quotas. They throw StorageError when storage fails.
 */
export class QuotasService {
  readonly #deps: AccessDeps;
  readonly #quotas: Quotas;

  constructor(deps: AccessDeps, quotas: Quotas) {
    this.#deps = deps;
    this.#quotas = quotas;
  }

  async get(call: QuotaSubjectCall, caller: Caller): Promise<QuotaView> {
    const subject = subjectOf(call);
    require(caller, 'namespace.list', SYSTEM_NAMESPACE);
    const { store } = this.#deps;
    const { kind, name } = subject;
    const record = kind === 'namespace' ? await store.namespace(name) : await store.apiKey(name);
    if (record === undefined) throw missing(subject);
    const { limits = {}, source = 'none' } = this.#quotas.find(subject) ?? {};
    const stock =
      kind === 'key'
        ? undefined
        : { ...(await this.#quotas.countQueues(name)), ...(await this.#quotas.stock(name)) };
    return { limits, source, usage: this.#quotas.usage(subject), stock };
  }

  /**
   * Replaces all limits of a namespace or key. They count at once in this process, and
   * within a second in all others.
   *
   * @param limits 0: no limit. Undefined: those of the configuration count again.
   */
  async set(
    call: QuotaSubjectCall,
    limits: QuotaLimits | undefined,
    caller: Caller,
    audit?: CallAudit,
  ): Promise<void> {
    const subject = subjectOf(call);
    const checked = limits && checkedLimits(limits);
    require(caller, 'namespace.update', SYSTEM_NAMESPACE);
    // A removal makes nothing worse.
    if (checked !== undefined) await this.#quotas.checkEveryoneKnows();
    const work = async (transaction: AccessTransaction) => {
      const { kind, name } = subject;
      const record =
        kind === 'namespace' ? await transaction.namespace(name) : await transaction.apiKey(name);
      if (record === undefined) throw missing(subject);
      const before = (await transaction.quota(subject))?.limits ?? {};
      if (checked === undefined) await transaction.removeQuota(subject);
      else await transaction.setQuota({ subject, limits: checked });
      audit?.add({ changes: changesBetween(valuesOf(before), valuesOf(checked ?? {})) });
    };
    await change(this.#deps, work, audit);
    await this.#quotas.reload();
  }
}

function subjectOf({ namespace, keyId }: QuotaSubjectCall): QuotaSubject {
  if ((namespace === '') === (keyId === '')) {
    throw invalid('namespace is invalid; exactly one of namespace and key_id must be set');
  }
  if (namespace === '') {
    checkText('key_id', keyId, FIELD_LIMITS.name);
    return { kind: 'key', name: keyId };
  }
  checkText('namespace', namespace, FIELD_LIMITS.contact);
  return { kind: 'namespace', name: namespace };
}

function checkedLimits(limits: QuotaLimits): QuotaLimits {
  const checked: { -readonly [Limit in QuotaLimit]?: number } = {};
  for (const limit of QUOTA_LIMITS) {
    const most = limits[limit] ?? 0;
    if (most < 0) throw invalid(errorText`${FIELDS[limit]} is invalid; cannot be negative`);
    if (most > 0) checked[limit] = most;
  }
  return checked;
}

/** Under the names of the API. */
function valuesOf(limits: QuotaLimits): Record<string, string> {
  return Object.fromEntries(QUOTA_LIMITS.map((limit) => [FIELDS[limit], String(limits[limit] ?? 0)]));
}

function missing({ kind, name }: QuotaSubject) {
  return kind === 'namespace' ? noSuchNamespace(name) : noSuchKey(name);
}
