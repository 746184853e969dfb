import type { CheckedOptions, GivenOptions, StorageDriver } from '@querator/core';
import { sqliteBackup } from './backup/sqlite-backup.ts';
import { FileRegistry } from './database/file-registry.ts';
import { parseSqliteConfig, type SqliteConfig } from './settings/config.ts';
import { SQLITE_CAPABILITIES, sqliteBackend } from './sqlite-backend.ts';

/** The driver `sqlite`. */
export const driver: StorageDriver<SqliteConfig> = {
  portVersion: 1,
  name: 'sqlite',
  capabilities: SQLITE_CAPABILITIES,
  options: checkConfig,
  create: (config, { name, clock, random, shared }) => {
    const registry = shared.of(FileRegistry, () => new FileRegistry());
    return sqliteBackend({ name, clock, random, registry, ...config });
  },
  backup: sqliteBackup,
};

/** The error of `parseSqliteConfig` reads `key: message`. */
function checkConfig(given: GivenOptions): CheckedOptions<SqliteConfig> {
  try {
    return { value: parseSqliteConfig(given) };
  } catch (error) {
    const [key = '', ...message] = (error as Error).message.split(': ');
    return { issues: [{ path: [key], message: message.join(': ') }] };
  }
}
