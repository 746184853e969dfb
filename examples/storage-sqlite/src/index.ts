export { driver } from './driver.ts';
export { type SqliteBackendOptions, sqliteBackend } from './sqlite-backend.ts';
