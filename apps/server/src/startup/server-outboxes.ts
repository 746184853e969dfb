import type { Config } from '../config/schema.ts';
import { Outboxes, type OutboxesDeps } from '../outbox/outboxes.ts';
import { instanceName } from './server-instances.ts';

/** Creates the relays of a server. They have its name, and connect to nothing before their start. */
export function createOutboxes(
  config: Pick<Config, 'outbox' | 'instance-name'>,
  deps: Omit<OutboxesDeps, 'server'>,
): Outboxes {
  return new Outboxes(config.outbox, { ...deps, server: instanceName(config) });
}
