import type { ConfigFault } from './config-error.ts';
import { type CheckedConfig, checked, readConfigText } from './load.ts';
import { type Config, configSchema } from './schema.ts';

/** Settings that were read again. */
export interface ReloadedConfig {
  readonly config: Config;
  /** What is wrong with a setting, by its key at the top of the file. Such a setting keeps its value. */
  readonly faulty: ReadonlyMap<string, string>;
}

/** A configuration file that is read at the start, and again while the program runs. */
export class ConfigSource {
  readonly #file: string;
  /** The contents of the last settings without a fault. */
  #values: CheckedConfig['values'];
  /** All drivers that were loaded. A module is loaded once in a process, so they stay. */
  #drivers: Config['drivers'];

  private constructor(file: string, { values, config }: CheckedConfig) {
    this.#file = file;
    this.#values = values;
    this.#drivers = config.drivers;
  }

  /** @throws ConfigError as `loadConfig` does. */
  static async open(file: string): Promise<{ readonly source: ConfigSource; readonly config: Config }> {
    const text = await readConfigText(file);
    const settings = checked(text, await text.loadDrivers(text.values, new Map()));
    return { source: new ConfigSource(file, settings), config: settings.config };
  }

  /**
   * Reads the file again. A fault in one setting does not keep the others from being
   * used. Does not look at the files of certificates.
   *
   * @throws ConfigError if the file cannot be read, is no YAML, has a key that does not
   *   exist, or its settings do not go together.
   */
  async reload(): Promise<ReloadedConfig> {
    const text = await readConfigText(this.#file);
    const loaded = await text.loadDrivers(text.values, this.#drivers);
    this.#drivers = loaded.drivers;
    const first = text.check(text.values, false, loaded);
    const faults = [...text.unresolved, ...('faults' in first ? first.faults : [])];
    const keys = new Set(faults.map(keyOf));
    if ([...keys].some((key) => key === undefined)) throw text.error(faults);
    const values = { ...(text.values as object), ...this.#earlier(keys as ReadonlySet<string>) };
    const second = text.check(values, false, loaded);
    if ('faults' in second) throw text.error(faults.length > 0 ? faults : second.faults);
    this.#values = values;
    const faulty = new Map<string, string>();
    for (const fault of faults) {
      const key = keyOf(fault) as string;
      const before = faulty.get(key);
      faulty.set(key, `${before === undefined ? '' : `${before}; `}${text.describe(fault)}`);
    }
    return { config: second.config, faulty };
  }

  /** The last good values of some settings. Undefined: the file did not have the setting. */
  #earlier(keys: ReadonlySet<string>): Readonly<Record<string, unknown>> {
    const values = (this.#values ?? {}) as Readonly<Record<string, unknown>>;
    return Object.fromEntries([...keys].map((key) => [key, values[key]]));
  }
}

/** The setting that a fault is in. Undefined: there is no such setting, or the whole file is at fault. */
function keyOf({ path: [key] }: ConfigFault): string | undefined {
  return typeof key === 'string' && Object.hasOwn(configSchema.shape, key) ? key : undefined;
}
