import type { StorageBackup } from '@querator/core';
import { driverOf } from '../backends.ts';
import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/load.ts';
import { storagesOf } from '../config/queue-storage.ts';

/** The storage that an operator chose. */
export interface BackupChoice {
  /** The configuration of the server. */
  readonly configFile: string;
  /** The name of a storage. Undefined: the only one that can be copied. */
  readonly storage?: string | undefined;
}

/** The backup of one storage. */
export interface ChosenBackup {
  readonly backup: StorageBackup;
  /** The names of the storages that are copied: several may share a file. */
  readonly storages: readonly string[];
}

/**
 * Chooses a storage of a configuration that can be copied.
 *
 * @throws ConfigError if the file is wrong, or has no such storage, or several.
 */
export async function chooseBackup({ configFile, storage }: BackupChoice): Promise<ChosenBackup> {
  const config = await loadConfig(configFile);
  const all = storagesOf(config).map((each) => ({
    ...each,
    backup: driverOf(config, each).backup(each.name),
  }));
  const named = all.filter(({ name }) => storage === undefined || name === storage);
  if (named.length === 0) {
    const names = all.map(({ name }) => `'${name}'`).join(', ');
    throw new ConfigError(`the config file has no storage '${storage}'; it has ${names}`);
  }
  const found = new Map<string, ChosenBackup & { storages: string[] }>();
  for (const { name, backup } of named) {
    if (backup === undefined) continue;
    const known = found.get(backup.source) ?? { backup, storages: [] };
    known.storages.push(name);
    found.set(backup.source, known);
  }
  const [first, ...others] = found.values();
  if (first === undefined) {
    const drivers = [...new Set(named.map(({ driver }) => `'${driver}'`))].join(', ');
    throw new ConfigError(
      `the driver ${drivers} makes no backup; use the programs of its database, or export the queues`,
    );
  }
  if (others.length === 0) return first;
  const names = [first, ...others].map(({ storages }) => `'${storages[0]}'`).join(', ');
  throw new ConfigError(`there are several files, those of ${names}; name one with --storage`);
}
