import type { Logger } from '../logger.ts';
import type { Random } from '../random.ts';
import type { Clock } from '../time/clock.ts';
import type { StorageCapabilities } from './capabilities.ts';
import type { ItemsTables } from './items-tables.ts';
import type { QueueStore } from './queue-store.ts';
import type { SharedResources } from './shared-resources.ts';
import type { StorageBackend } from './storage-backend.ts';
import type { StorageBackup } from './storage-backup.ts';

/**
 * The version of {@link StorageDriver} and of all ports below it. It is raised when a
 * driver that was written for the version before would no longer work.
 */
export const PORT_VERSION = 1;

/** The options of a storage, as the configuration gives them. */
export type GivenOptions = Readonly<Record<string, unknown>>;

/** A fault of an option. */
export interface OptionIssue {
  /** What is wrong and what was expected. Never the value: it may be a secret. */
  readonly message: string;
  /** The keys that lead to the option, from the outermost. Undefined: the options as a whole. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The options in the form that `create` takes, or their faults. */
export type CheckedOptions<Options> =
  | { readonly value: Options; readonly issues?: undefined }
  | { readonly issues: readonly OptionIssue[] };

/**
 * A check of options as a schema of Standard Schema (https://standardschema.dev), such as
 * one of Zod, Valibot or ArkType. It must answer at once, and not with a promise.
 */
export interface OptionsSchema<Options> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => CheckedOptions<Options> | Promise<CheckedOptions<Options>>;
    readonly types?: { readonly input: unknown; readonly output: Options } | undefined;
  };
}

/** A check of options as a function. Options without a fault are returned as `value`. */
export type OptionsCheck<Options> = (given: GivenOptions) => CheckedOptions<Options>;

/** What a driver gets for each storage that it creates. */
export interface DriverDeps {
  /** The name of the storage in the configuration. Error texts name it. */
  readonly name: string;
  /** Judges deadlines, unless the storage has a clock of its own. */
  readonly clock: Clock;
  /** The source of the random part of item ids. */
  readonly random: Random;
  /** The log of the program. Takes no option and no item content. */
  readonly logger: Logger;
  /** What the storages of one program share, such as connection pools. */
  readonly shared: Pick<SharedResources, 'of'>;
}

/**
 * The definition of a storage driver: what a program needs to check options and to create
 * storages. A package exports it under the name `driver`.
 */
export interface StorageDriver<Options = unknown> {
  /** The version of the ports that the driver was written for: the number itself, not the constant of core. */
  readonly portVersion: typeof PORT_VERSION;
  /** The name of the driver, for people: 1 to 64 of the characters a-z, 0-9, `-`, `_`, `.`, `/` and `@`. */
  readonly name: string;
  /** What its storages can do at best. A backend says what it can do itself. */
  readonly capabilities: StorageCapabilities;
  /** Checks the options of a storage. Uses no disk and no network. Unknown keys are faults. */
  readonly options: OptionsSchema<Options> | OptionsCheck<Options>;

  /**
   * Creates a storage from checked options. Uses no disk and no network: the first call of
   * a store connects.
   */
  create(options: Options, deps: DriverDeps): StorageBackend;

  /**
   * The options that keep their values while a program runs: all but those that `renew`
   * replaces. Undefined: all of them.
   */
  fixed?(options: Options): unknown;

  /**
   * Uses the secrets of changed options, such as a password, for further connections.
   * Called only if the results of `fixed` are equal as JSON.
   *
   * @param options those with which the storages were created.
   */
  renew?(options: Options, changed: Options, deps: Omit<DriverDeps, 'name'>): void;

  /**
   * Opens the tables of a storage for the tools of operators. Undefined if the driver has
   * no tables that a queue may lose.
   *
   * @param queues where the queues are stored.
   */
  tables?(options: Options, deps: DriverDeps & { readonly queues: QueueStore }): ItemsTables;

  /**
   * The backup of a storage. Uses no disk and no network before its first call. Undefined if the driver has
   * none, for example because the programs of its database make backups.
   */
  backup?(options: Options): StorageBackup;
}
