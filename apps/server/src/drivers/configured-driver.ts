import {
  capabilityFaults,
  checkOptions,
  type DriverDeps,
  type GivenOptions,
  type ItemsTables,
  optionPath,
  type QueueStore,
  type StorageBackend,
  type StorageBackup,
  type StorageDriver,
} from '@querator/core';
import { withoutValues } from './without-values.ts';

/** A storage of the configuration, with the options as they are written there. */
export interface StorageSettings {
  /** The name of the driver in the configuration. */
  readonly driver: string;
  readonly config: GivenOptions;
}

/** A fault of the options of a storage. */
export interface OptionFault {
  readonly path: readonly (string | number)[];
  /** Does not contain the value of an option. */
  readonly message: string;
}

/** The driver of a storage together with the options of that storage. */
export class ConfiguredDriver {
  readonly #driver: StorageDriver;
  readonly #given: GivenOptions;

  constructor(driver: StorageDriver, { config }: Pick<StorageSettings, 'config'>) {
    this.#driver = driver;
    this.#given = config;
  }

  /** Whether the driver has tables for the tools of operators. */
  get hasTables(): boolean {
    return this.#driver.tables !== undefined;
  }

  get capabilities(): StorageDriver['capabilities'] {
    return this.#driver.capabilities;
  }

  faults(): readonly OptionFault[] {
    const { issues = [] } = checkOptions(this.#driver, this.#given);
    return issues.map((issue) => ({
      path: optionPath(issue).filter((part) => typeof part !== 'symbol'),
      message: withoutValues(issue.message, this.#given),
    }));
  }

  /**
   * Creates the storage. Touches no disk and no network.
   *
   * @throws Error if the driver refuses, or the storage is not what it claims to be. It
   *   shows no option.
   */
  create(deps: DriverDeps): StorageBackend {
    return this.#guarded(deps.name, () => {
      const backend = this.#driver.create(this.#options(), deps);
      const faults = capabilityFaults(backend);
      if (faults.length > 0) throw new Error(`the storage ${faults.join('; it ')}`);
      return backend;
    });
  }

  /**
   * Opens the tables of the storage. Undefined: the driver has none.
   *
   * @throws Error if the driver refuses. It shows no option.
   */
  tables(deps: DriverDeps & { readonly queues: QueueStore }): ItemsTables | undefined {
    return this.#guarded(deps.name, () => this.#driver.tables?.(this.#options(), deps));
  }

  /**
   * The backup of the storage. Undefined: the driver has none.
   *
   * @param storage its name in the configuration.
   * @throws Error if the driver refuses. It shows no option.
   */
  backup(storage: string): StorageBackup | undefined {
    return this.#guarded(storage, () => this.#driver.backup?.(this.#options()));
  }

  /** The options that stay as they are until the next start. */
  fixed(): unknown {
    return this.#driver.fixed === undefined ? this.#given : this.#driver.fixed(this.#options());
  }

  /** Uses the secrets of changed options for further connections. */
  renew(changed: ConfiguredDriver, deps: Omit<DriverDeps, 'name'>): void {
    this.#driver.renew?.(this.#options(), changed.#options(), deps);
  }

  /** The options in the form that the driver takes. They were checked before. */
  #options(): unknown {
    const checked = checkOptions(this.#driver, this.#given);
    if (checked.issues === undefined) return checked.value;
    throw new Error(checked.issues.map(({ message }) => message).join('; '));
  }

  /** An error of a driver may show options. So its text is kept without them, and its cause is not. */
  #guarded<T>(storage: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      const text = withoutValues(error instanceof Error ? error.message : String(error), this.#given);
      throw new Error(`storage '${storage}' cannot be created by driver '${this.#driver.name}': ${text}`);
    }
  }
}
