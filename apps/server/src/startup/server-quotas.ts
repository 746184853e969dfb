import { NO_QUOTAS, Quotas } from '@querator/access';
import type { Clock, Logger } from '@querator/core';
import type { Instances, Service } from '@querator/engine';
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
