import type { Logger } from '@querator/core';
import { isDurable, storagesOf } from '../config/queue-storage.ts';
import type { Config } from '../config/schema.ts';

/** Logs where queues are stored if the file does not say so, and which storages lose their contents. */
export function logStorages(config: Config, logger: Logger): void {
  const queues = config['queue-storage'];
  if ('partitionStorage' in queues) {
    logger.info('no queue-storage is configured; queues are kept in the first durable partition storage', {
      storage: queues.partitionStorage,
    });
    if (config['partition-storage'].filter((storage) => isDurable(config, storage)).length > 1) {
      logger.warn(
        'where queues are kept depends on the order of the partition storages; name it in queue-storage',
      );
    }
  }
  const storages = storagesOf(config);
  const lost = storages.filter((storage) => !isDurable(config, storage));
  if (lost.length === storages.length) {
    logger.warn('everything is in memory: queues and items are gone when this process ends');
    return;
  }
  for (const { name } of lost) {
    logger.warn('this storage is in memory: its items are gone when this process ends', { storage: name });
  }
}
