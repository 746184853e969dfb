import type { Logger } from '@querator/core';
import { driverOf, outboxDriver, type StorageDeps } from '../backends.ts';
import type { Config, OutboxConfig } from '../config/schema.ts';
import type { ConfiguredDriver, StorageSettings } from '../drivers/configured-driver.ts';

/** A storage with its driver. */
interface Storage {
  readonly settings: unknown;
  readonly driver: ConfiguredDriver;
}

/** Gives storages the passwords of settings that were read again. */
export class StoragePasswords {
  readonly #deps: StorageDeps & { readonly logger: Logger };
  /** The storages at the start, by name. */
  readonly #started: ReadonlyMap<string, Storage>;
  /** The storages with the passwords that are in use. */
  #used: ReadonlyMap<string, Storage>;

  constructor(config: Config, deps: StorageDeps) {
    this.#deps = deps;
    this.#started = storagesIn(config);
    this.#used = this.#started;
  }

  /** Further connections use the new passwords. Options that differ in more stay as they are. */
  renew(config: Config): void {
    const changed = storagesIn(config);
    for (const [storage, next] of changed) {
      const started = this.#started.get(storage);
      if (started === undefined || !differInPasswords(this.#used.get(storage), next)) continue;
      started.driver.renew(next.driver, this.#deps);
      this.#deps.logger.info('reloaded the password of the database', { storage });
    }
    this.#used = changed;
  }
}

/** The options of a storage that stay as they are until the next start. */
export function fixedOptions(config: Config, storage: StorageSettings): unknown {
  return { driver: storage.driver, config: driverOf(config, storage).fixed() };
}

/** The same of an outbox. */
export function fixedOutbox(outbox: OutboxConfig): unknown {
  return outboxDriver(outbox).fixed();
}

function storagesIn(config: Config): ReadonlyMap<string, Storage> {
  const queues = config['queue-storage'];
  const own = 'driver' in queues ? [{ name: 'queue-storage', ...queues }] : [];
  const storages = [...own, ...config['partition-storage']].map(
    ({ name, driver, config: given }): [string, Storage] => {
      const settings = { driver, config: given };
      return [name, { settings, driver: driverOf(config, settings) }];
    },
  );
  const outboxes = config.outbox.map((outbox, n): [string, Storage] => {
    const settings = outbox['connection-string'];
    return [`outbox ${n}`, { settings, driver: outboxDriver(outbox) }];
  });
  return new Map([...storages, ...outboxes]);
}

function differInPasswords(before: Storage | undefined, after: Storage): boolean {
  if (before === undefined) return false;
  const areEqual = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
  return !areEqual(before.settings, after.settings) && areEqual(before.driver.fixed(), after.driver.fixed());
}
