export { type SqliteBackendOptions, sqliteBackend } from './sqlite-backend.ts';
