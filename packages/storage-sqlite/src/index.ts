export { FileRegistry } from './database/file-registry.ts';
export { parseSqliteConfig, type SqliteConfig } from './settings/config.ts';
export { SQLITE_CAPABILITIES, type SqliteBackendOptions, sqliteBackend } from './sqlite-backend.ts';
export { driver } from './sqlite-driver.ts';
