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
    if (!storage.capabilities.durable) {
      throw new ConfigError('the queues of the config file are in memory: restart the server instead');
    }
    const store = storage.accessStore?.();
    if (store === undefined) {
      throw new ConfigError('the storage of the queues cannot keep users: its driver has no access store');
    }
    return await recoverAdmin({ store, clock, random });
  } finally {
    await storage.close();
  }
}
