import { type ItemsTables, SystemClock, SystemRandom } from '@querator/core';
import { driverOf } from '../backends.ts';
import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { commandDeps, createQueueStorage } from './queue-storage.ts';

/** The tables of one storage of a configuration. */
export interface StorageTables {
  /** The storage's name. */
  readonly storage: string;
  readonly tables: ItemsTables;
}

/** The storages that an operator chose. */
export interface StorageChoice {
  /** The configuration of the servers on these storages. */
  readonly configFile: string;
  /** One of its partition storages. Undefined: all that have tables. */
  readonly storage?: string | undefined;
}

/**
 * Opens the tables of a configuration's storages, without a server, runs `work`,
 * and closes them.
 *
 * @throws ConfigError if the file is wrong, or has no such storage.
 */
export async function withStorageTables<T>(
  { configFile, storage }: StorageChoice,
  work: (opened: readonly StorageTables[]) => Promise<T>,
): Promise<T> {
  const config = await loadConfig(configFile);
  const chosen = chooseStorages(config, storage);
  const deps = commandDeps({ clock: new SystemClock(), random: new SystemRandom() });
  const queueBackend = createQueueStorage(config, deps);
  const queues = queueBackend.queueStore();
  const opened = chosen.flatMap((chosenStorage) => {
    const { name } = chosenStorage;
    const tables = driverOf(config, chosenStorage).tables({ ...deps, name, queues });
    return tables === undefined ? [] : [{ storage: name, tables }];
  });
  try {
    return await work(opened);
  } finally {
    await Promise.all([...opened.map(({ tables }) => tables), queueBackend].map((each) => each.close()));
  }
}

function chooseStorages(config: Config, storage: string | undefined): Config['partition-storage'] {
  const withTables = config['partition-storage'].filter((each) => driverOf(config, each).hasTables);
  if (withTables.length === 0) throw new ConfigError('no partition storage of the config file keeps tables');
  if (storage === undefined) return withTables;
  const found = withTables.filter(({ name }) => name === storage);
  if (found.length > 0) return found;
  const names = withTables.map(({ name }) => `'${name}'`).join(', ');
  throw new ConfigError(`'${storage}' is no partition storage with tables; the config file has ${names}`);
}
