import type { Logger } from '@querator/core';
import { DRIVERS, type DriverConfig, type DriverDeps, OUTBOX_DRIVER } from '../backends.ts';
import type { Config, OutboxConfig } from '../config/schema.ts';

/** The driver and the options of a storage. */
interface StorageOptions {
  readonly driver: string;
  readonly config: DriverConfig;
}

/** Gives storages the passwords of settings that were read again. */
export class StoragePasswords {
  readonly #deps: Pick<DriverDeps, 'pools'> & { readonly logger: Logger };
  /** The options at the start, by the name of the storage. */
  readonly #started: ReadonlyMap<string, StorageOptions>;
  /** The options whose passwords are in use. */
  #used: ReadonlyMap<string, StorageOptions>;

  constructor(config: Config, deps: Pick<DriverDeps, 'pools'> & { readonly logger: Logger }) {
    this.#deps = deps;
    this.#started = optionsOf(config);
    this.#used = this.#started;
  }

  /** Further connections use the new passwords. Options that differ in more stay as they are. */
  renew(config: Config): void {
    const changed = optionsOf(config);
    for (const [storage, options] of changed) {
      const started = this.#started.get(storage);
      if (started === undefined || !differInPasswords(this.#used.get(storage), options)) continue;
      DRIVERS.get(options.driver)?.renewPasswords?.(started.config, options.config, this.#deps);
      this.#deps.logger.info('reloaded the password of the database', { storage });
    }
    this.#used = changed;
  }
}

/** The options of a storage that stay as they are until the next start. */
export function fixedOptions({ driver, config }: StorageOptions): unknown {
  return { driver, config: DRIVERS.get(driver)?.fixed?.(config) ?? config };
}

/** An outbox as a storage of its driver. */
export function outboxOptions({ 'connection-string': connection }: OutboxConfig): StorageOptions {
  return { driver: OUTBOX_DRIVER, config: { 'connection-string': connection } };
}

function optionsOf(config: Config): ReadonlyMap<string, StorageOptions> {
  const queues = config['queue-storage'];
  const partitions = config['partition-storage'].map((storage) => [storage.name, storage] as const);
  return new Map<string, StorageOptions>([
    ...('driver' in queues ? [['queue-storage', queues] as const] : []),
    ...partitions,
    ...config.outbox.map((outbox, n) => [`outbox ${n}`, outboxOptions(outbox)] as const),
  ]);
}

function differInPasswords(before: StorageOptions | undefined, after: StorageOptions): boolean {
  if (before === undefined) return false;
  const areEqual = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  return !areEqual(before.config, after.config) && areEqual(fixedOptions(before), fixedOptions(after));
}
