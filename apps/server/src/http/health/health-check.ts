import type { StorageCapability } from '@querator/core';

/** One entry of a health reply. */
export interface HealthCheck {
  readonly componentType: 'datastore' | 'system';
  /** `warn`: it works, and needs the operator's attention. */
  readonly status: 'pass' | 'warn' | 'fail';
  /** The time that the storage took to answer, the number of servers, or that of queues whose rows cannot leave an outbox. */
  readonly observedValue?: number;
  readonly observedUnit?: 'ms' | 'servers' | 'queues';
  /** UTC, whole seconds. */
  readonly time: string;
  readonly output?: string;
  /** What the storage can do. */
  readonly capabilities?: readonly StorageCapability[];
}
