import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { StorageDriver } from '@querator/core';
import { namedDrivers } from '../backends.ts';
import { type LoadedDrivers, NO_DRIVERS } from '../drivers/loaded-drivers.ts';
import { ConfigError } from './config-error.ts';
import { ConfigText } from './config-text.ts';
import { fileFault } from './file-fault.ts';
import { resolveQueueStorage } from './queue-storage.ts';
import { type Config, configSchema } from './schema.ts';
import { processSources, type SecretSources } from './secrets.ts';

/** Settings without a fault. */
export interface CheckedConfig {
  readonly config: Config;
  /** The contents of the file that they are made of, with secrets. */
  readonly values: unknown;
}

/** The settings of a server without a configuration file: everything in memory. */
export function defaultConfig(): Config {
  return resolveQueueStorage(configSchema.parse({}), NO_DRIVERS);
}

/**
 * Reads a configuration file, with the environment variables and files that it
 * refers to. Relative paths in it start at its folder. Loads the drivers that it
 * names, which are packages or files: their code runs with all rights of this process.
 *
 * @param drivers of the program, by whose names storages may use them.
 * @throws ConfigError if the file cannot be read, is no YAML, or breaks a
 *   rule. The message lists all faults, each with its line.
 */
export async function loadConfig(file: string, drivers: readonly StorageDriver[] = []): Promise<Config> {
  const text = await readConfigText(file);
  return checked(text, await text.loadDrivers(text.values, namedDrivers(drivers))).config;
}

/**
 * Reads the text of a configuration file. Loads no driver.
 *
 * @param sources of its `${NAME}` and `file:PATH`. Undefined: those of this
 *   process, with relative paths from its working directory.
 * @param drivers see {@link loadConfig}.
 * @throws ConfigError see {@link loadConfig}.
 */
export function parseConfig(
  text: string,
  sources: SecretSources = processSources(''),
  drivers: readonly StorageDriver[] = [],
): Config {
  const loaded = { drivers: namedDrivers(drivers), faults: new Map<string, string>() };
  return checked(new ConfigText(text, sources), loaded).config;
}

/** Reads a configuration file that was given to the program. */
export async function readConfigText(file: string): Promise<ConfigText> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new ConfigError(`while opening config file: open ${file}: ${fileFault(error)}`, { cause: error });
  }
  if (!isUtf8(bytes)) throw new ConfigError(`while reading config file: ${file} is not UTF-8`);
  return new ConfigText(new TextDecoder().decode(bytes), processSources(dirname(file)));
}

/** @throws ConfigError see {@link loadConfig}. */
export function checked(text: ConfigText, loaded: LoadedDrivers): CheckedConfig {
  const { values, unresolved } = text;
  if (unresolved.length > 0) throw text.error(unresolved);
  const result = text.check(values, true, loaded);
  if (!('config' in result)) throw text.error(result.faults);
  return { config: result.config, values };
}
