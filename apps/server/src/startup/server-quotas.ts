import { NO_QUOTAS, Quotas } from '@querator/access';
import { ANONYMOUS, type Clock, type Logger, newItemBytes, type Principal } from '@querator/core';
import type { FiringToAdmit, Instances, Service } from '@querator/engine';
import { QUOTAS } from '../capabilities.ts';
import { configuredQuotas } from '../config/quotas.ts';
import type { Config } from '../config/schema.ts';
import type { MonotonicClock } from '../monotonic-clock.ts';

export interface ServerQuotasDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly monotonicClock: MonotonicClock;
  readonly service: Pick<Service, 'namespaces'>;
  /** The processes that share the limits. Called when quotas are used. */
  readonly instances: () => Pick<Instances, 'liveProcesses' | 'require'>;
}

/**
 * Creates the quotas of a server. Undefined: they are not in use. They are with access
 * control, and where the configuration has quotas.
 */
export function createQuotas(
  { quotas, 'auth-backend': { driver } }: Pick<Config, 'quotas' | 'auth-backend'>,
  { clock, logger, monotonicClock, service, instances }: ServerQuotasDeps,
): Quotas | undefined {
  if (quotas === undefined && driver === 'none') return undefined;
  return new Quotas({
    ...{ clock, logger, monotonicMs: monotonicClock },
    configured: quotas === undefined ? NO_QUOTAS : configuredQuotas(quotas),
    liveProcesses: () => instances().liveProcesses(),
    everyoneKnowsQuotas: () => instances().require(QUOTAS),
    measure: (namespace) => service.namespaces.items(namespace),
    countQueues: (namespace) => service.namespaces.queues(namespace),
  });
}

/** The caller that fires schedules. It has no key, so only the limits of the namespace count. */
const SCHEDULER: Principal = {
  userId: ANONYMOUS,
  username: ANONYMOUS,
  keyId: undefined,
  expiresAt: undefined,
  namespaceScope: '',
};

/**
 * Judges the item of a schedule by the limits of its namespace.
 *
 * @returns ends the firing, with the error that it failed with; undefined if nothing has to be ended.
 * @throws QuotaError. The promise may reject with it too.
 */
export function admitFiring(quotas: Quotas, { namespace, item }: FiringToAdmit) {
  if (!quotas.any) return undefined;
  const brings = { items: 1, bytes: newItemBytes(item) };
  return quotas.begin({ principal: SCHEDULER, namespace, isRefusable: true, brings, waits: false });
}
