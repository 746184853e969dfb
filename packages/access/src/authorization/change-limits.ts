import { type Caller, errorText, type Permission, QueueError, SYSTEM_NAMESPACE } from '@querator/core';
import { LimitsByKey } from '../rules/limits-by-key.ts';
import { require } from './permission-check.ts';

const LIMITS = { burst: 60, perSecond: 1, mostKeys: 10_000 };

/**
 * Limits how often the tenants of a namespace may change its roles and role bindings.
 * After each change every process reads again what every caller may do.
 */
export class ChangeLimits {
  readonly #limits: LimitsByKey;

  /** @param monotonicMs milliseconds that only grow, from any start. */
  constructor(monotonicMs: () => number) {
    this.#limits = new LimitsByKey(LIMITS, monotonicMs);
  }

  /**
   * Checks a caller before a change in a namespace. A caller who may make it in every
   * namespace is not limited.
   *
   * @throws QueueError `forbidden` unless the caller holds the permission; `limited`
   *   after too many changes in the namespace.
   */
  require(caller: Caller, permission: Permission, namespace: string): void {
    require(caller, permission, namespace);
    if (caller.may(permission, SYSTEM_NAMESPACE)) return;
    const retryAfterMs = this.#limits.waitMs(namespace);
    if (retryAfterMs > 0) {
      throw new QueueError(
        'limited',
        errorText`too many changes of roles and role bindings in namespace '${namespace}'; try again later`,
        { reason: 'over_limit', retryAfterMs },
      );
    }
    this.#limits.take(namespace);
  }
}
