import { OWN_DRIVERS } from '../backends.ts';
import { loadDrivers } from '../drivers/load-drivers.ts';
import type { LoadedDrivers } from '../drivers/loaded-drivers.ts';
import { checkRules } from './check-rules.ts';
import type { ConfigError, ConfigFault } from './config-error.ts';
import { resolveQueueStorage } from './queue-storage.ts';
import { type Config, configSchema } from './schema.ts';
import { type Resolved, resolveSecrets, type SecretSources, withoutSecrets } from './secrets.ts';
import { withAbsolutePaths } from './tls-rules.ts';
import { faultsOf, YamlText } from './yaml-text.ts';

/** The text of a configuration file, before it is checked. */
export class ConfigText {
  /** Its contents, with the variables and files that it refers to. */
  readonly values: unknown;
  /** A fault for each variable that is not set, and each file that cannot be read. */
  readonly unresolved: readonly ConfigFault[];
  readonly #yaml: YamlText;
  readonly #secrets: Resolved['secrets'];
  readonly #folder: string;

  /** @throws ConfigError if the text is no YAML, or empty. */
  constructor(text: string, sources: SecretSources) {
    this.#yaml = new YamlText(text, 'config file');
    const resolved = resolveSecrets(this.#yaml.values(), sources);
    this.values = resolved.value;
    this.unresolved = resolved.faults;
    this.#secrets = resolved.secrets;
    this.#folder = sources.folder;
  }

  /**
   * Checks values: those of the text, or some of them replaced.
   *
   * @param readFiles false: the files of certificates are not looked at.
   * @param loaded the drivers of others.
   */
  check(
    values: unknown,
    readFiles: boolean,
    loaded: LoadedDrivers,
  ): { readonly config: Config } | { readonly faults: readonly ConfigFault[] } {
    const parsed = configSchema.safeParse(values);
    if (!parsed.success) return { faults: this.#withoutSecrets(parsed.error.issues.flatMap(faultsOf)) };
    const config = withAbsolutePaths(parsed.data, this.#folder);
    const faults = checkRules(config, readFiles, loaded);
    return faults.length > 0
      ? { faults: this.#withoutSecrets(faults) }
      : { config: resolveQueueStorage(config, loaded) };
  }

  /**
   * Loads the drivers of others that values name. Loads nothing for values that break the
   * schema: they are refused whatever the drivers are.
   *
   * @param known drivers that need not be loaded.
   */
  async loadDrivers(values: unknown, known: LoadedDrivers['drivers']): Promise<LoadedDrivers> {
    const parsed = this.unresolved.length > 0 ? undefined : configSchema.safeParse(values);
    if (parsed?.success !== true) return { drivers: known, faults: new Map() };
    const { 'queue-storage': queues, 'partition-storage': storages } = parsed.data;
    const names = [...(queues === undefined ? [] : [queues]), ...storages].map(({ driver }) => driver);
    const others = names.filter((name) => !OWN_DRIVERS.has(name));
    return loadDrivers(others, { folder: this.#folder, known });
  }

  /** The error that lists faults, each with its line. */
  error(faults: readonly ConfigFault[]): ConfigError {
    return this.#yaml.error(faults);
  }

  /** A fault in words, with its line and key. */
  describe(fault: ConfigFault): string {
    return this.#yaml.describe(fault);
  }

  #withoutSecrets(faults: readonly ConfigFault[]): readonly ConfigFault[] {
    return faults.map((fault) => withoutSecrets(fault, this.#secrets));
  }
}
