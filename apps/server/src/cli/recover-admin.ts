import { type RecoveredAdmin, recoverAdmin } from '@querator/access';
import { SystemClock, SystemRandom } from '@querator/core';
import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/load.ts';
import { openQueueStorage } from './queue-storage.ts';

/**
 * Creates an administrator in the storage of the queues.
 *
 * @throws ConfigError if the file is wrong, or the storage lives in a server's memory.
 */
export async function recoverByConfig(configFile: string): Promise<RecoveredAdmin> {
  const clock = new SystemClock();
  const random = new SystemRandom();
  const storage = openQueueStorage(await loadConfig(configFile), { clock, random });
  try {
    const store = storage.capabilities.durable ? storage.accessStore?.() : undefined;
    if (store === undefined) {
      throw new ConfigError('the queues of the config file are in memory: restart the server instead');
    }
    return await recoverAdmin({ store, clock, random });
  } finally {
    await storage.close();
  }
}
