import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from './database.ts';
import { writePostgresConfig, writeSqliteConfig } from './server-config.ts';

/** The options of `npm start`, which `tooling/bootstrap` reads from the command line. At most one storage is chosen. */
export interface StartOptions {
  readonly memory: boolean;
  /** The embedded PostgreSQL. Without any choice the storage is SQLite. */
  readonly postgres: boolean;
  readonly address?: string;
  /** Absolute path of a config file. */
  readonly config?: string;
}

/** The storages whose data `npm start` keeps in its folder. */
export type EmbeddedStorage = 'sqlite' | 'postgres';

/** How the server is to be started. */
export interface Plan {
  /** The flags of the server. */
  readonly args: readonly string[];
  /** The storage of queues and items, for users. */
  readonly data: string;
  /** Undefined if the data are not in the folder of `npm start`. */
  readonly embedded?: EmbeddedStorage;
  /** Runs beside the server, and has to be stopped after it. */
  readonly database?: Database;
}

/**
 * Prepares the storage that the options choose, in the folder `stateDir`.
 *
 * @throws StartFailed when the database does not start.
 */
export async function plan(
  options: StartOptions,
  stateDir: string,
  say: (text: string) => void,
): Promise<Plan> {
  const address = options.address === undefined ? [] : ['--address', options.address];
  if (options.config !== undefined) {
    return { args: ['--config', options.config, ...address], data: `as ${options.config} says` };
  }
  if (options.memory) return { args: address, data: 'in memory, gone at exit' };
  mkdirSync(stateDir, { recursive: true });
  if (options.postgres) return await onPostgres(stateDir, address, say);
  const folder = join(stateDir, 'sqlite');
  const config = join(stateDir, 'sqlite.yaml');
  // Items are nobody else's business, whatever the umask.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeSqliteConfig(config, folder);
  return { args: ['--config', config, ...address], data: `${folder} (SQLite)`, embedded: 'sqlite' };
}

async function onPostgres(
  stateDir: string,
  address: readonly string[],
  say: (text: string) => void,
): Promise<Plan> {
  // Loaded only here: a start on SQLite does not install what it needs.
  const { startDatabase } = await import('./database.ts');
  const folder = join(stateDir, 'postgres');
  const database = await startDatabase(folder, say);
  const config = join(stateDir, 'postgres.yaml');
  writePostgresConfig(config, database.connectionString);
  // The name of this file before SQLite became the default. It holds a password.
  rmSync(join(stateDir, 'server.yaml'), { force: true });
  const data = `${folder} (PostgreSQL on port ${database.port}; how to connect: ${config})`;
  return { args: ['--config', config, ...address], data, embedded: 'postgres', database };
}
