import type { StorageDriver } from '@querator/core';
import { SQLITE_CAPABILITIES, sqliteBackend } from './sqlite-backend.ts';

/** The options of a storage, as a configuration file gives them. */
interface SqliteOptions {
  /** The file, on a local disk. */
  readonly path: string;
}

/** The definition by which a server loads this package. */
export const driver: StorageDriver<SqliteOptions> = {
  portVersion: 1,
  name: 'example-sqlite',
  capabilities: SQLITE_CAPABILITIES,
  options: ({ path, ...others }) => {
    const issues = Object.keys(others).map((key) => ({ path: [key], message: 'unknown key; use path' }));
    if (typeof path === 'string' && path !== '' && issues.length === 0) return { value: { path } };
    const isMissing = typeof path !== 'string' || path === '';
    return {
      issues: [
        ...issues,
        ...(isMissing ? [{ path: ['path'], message: 'required, the path of a file' }] : []),
      ],
    };
  },
  create: ({ path }, { name, clock, random }) => sqliteBackend({ name, path, clock, random }),
};
