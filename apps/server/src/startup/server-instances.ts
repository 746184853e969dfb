import { hostname } from 'node:os';
import type { Clock, Logger, Random, StorageBackend } from '@querator/core';
import { Instances } from '@querator/engine';
import type { Config } from '../config/schema.ts';
import { VERSION } from '../version.ts';

/** The name of this process among those that serve the same queues. */
export function instanceName(config: Pick<Config, 'instance-name'>): string {
  return `${config['instance-name'] ?? hostname()}/${process.pid}`;
}

/** Creates this process's view of all processes that serve the same queues. Starts nothing. */
export function createInstances(
  config: Pick<Config, 'partition-storage' | 'instance-name'>,
  deps: {
    readonly clock: Clock;
    readonly random: Random;
    readonly logger: Logger;
    /** The storage of the queues keeps the records of the processes too. */
    readonly queueStorage: StorageBackend;
  },
  capabilities: readonly string[],
): Instances {
  const { clock, random, logger, queueStorage } = deps;
  return new Instances({
    ...{ clock, random, logger },
    store: queueStorage.instanceStore?.(),
    signals: queueStorage.signals,
    own: {
      name: instanceName(config),
      version: VERSION,
      storages: config['partition-storage'].map(({ name, driver, affinity, drain }) => ({
        ...{ name, driver, affinity },
        ...(drain === true && { drain }),
      })),
      capabilities,
    },
  });
}
