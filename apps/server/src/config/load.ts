import { isUtf8 } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
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
  return resolveQueueStorage(configSchema.parse({}));
}

/**
 * Reads a configuration file, with the environment variables and files that it
 * refers to. Relative paths in it start at its folder.
 *
 * @throws ConfigError if the file cannot be read, is no YAML, or breaks a
 *   rule. The message lists all faults, each with its line.
 */
export async function loadConfig(file: string): Promise<Config> {
  return checked(await readConfigText(file)).config;
}

/**
 * Reads the text of a configuration file.
 *
 * @param sources of its `${NAME}` and `file:PATH`. Undefined: those of this
 *   process, with relative paths from its working directory.
 * @throws ConfigError see {@link loadConfig}.
 */
export function parseConfig(text: string, sources: SecretSources = processSources('')): Config {
  return checked(new ConfigText(text, sources)).config;
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
export function checked(text: ConfigText): CheckedConfig {
  const { values, unresolved } = text;
  if (unresolved.length > 0) throw text.error(unresolved);
  const result = text.check(values, true);
  if (!('config' in result)) throw text.error(result.faults);
  return { config: result.config, values };
}
