import type { Config } from '../config/schema.ts';
import type { Metrics } from '../observability/metrics.ts';
import { Outboxes, type OutboxesDeps } from '../outbox/outboxes.ts';
import { instanceName } from './server-instances.ts';

/** Creates the relays of a server. They have its name, and connect to nothing before their start. */
export function createOutboxes(
  config: Pick<Config, 'outbox' | 'instance-name'>,
  { metrics, ...deps }: Omit<OutboxesDeps, 'server'> & { readonly metrics: Metrics },
): Outboxes {
  const outboxes = new Outboxes(config.outbox, { ...deps, server: instanceName(config) });
  if (config.outbox.length > 0) metrics.observeOutboxes(() => outboxes.states());
  return outboxes;
}
