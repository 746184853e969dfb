import { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { atExit, birthMark, isAlive, worksIn } from '@querator/tooling-processes';
import { type Cluster, type ClusterOptions, openCluster } from './cluster.ts';
import { killAll } from './postmaster.ts';
import { readPostmasterFile } from './postmaster-file.ts';

const PREFIX = 'querator-pg-';
const LEFT_OVER_AFTER_MS = 3_600_000;

/** Linux keeps these files in memory. PostgreSQL creates and removes tables there in a third of the time. */
const MEMORY_FOLDER = '/dev/shm';
/** Each of several test runs at the same time needs less than a quarter. */
const MEMORY_NEEDED_BYTES = 4 * 2 ** 30;

/** fsync stays on for tests of durability, except in a volatile cluster. */
const SMALL = {
  shared_buffers: '32MB',
  max_connections: '200',
  max_wal_size: '256MB',
  // Helper processes that a short-lived server does not need.
  max_logical_replication_workers: '0',
};

/** The options of `startTemporaryCluster`. */
export interface TemporaryClusterOptions extends Omit<ClusterOptions, 'dataDir'> {
  /**
   * The data only have to survive a crash of PostgreSQL, not one of the machine: nothing is flushed to a disk, and the
   * files are in memory if there is plenty of it. Not for tests of durability, and not for measurements.
   */
  readonly volatile?: boolean;
}

/** Whether the folder in memory exists and has room. Containers have a small one, other systems none. */
function hasMemoryFolder(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY_FOLDER);
    return Math.min(bavail * bsize, freemem()) >= MEMORY_NEEDED_BYTES;
  } catch {
    return false;
  }
}

/** Removes the folders that killed test runs have left among the temporary files. */
function removeLeftOvers(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(PREFIX)) continue;
    const home = join(folder, name);
    try {
      if (Date.now() - statSync(home).mtimeMs < LEFT_OVER_AFTER_MS) continue;
      const owner = JSON.parse(readFileSync(join(home, 'owner.json'), 'utf8')) as {
        pid: number;
        born: string;
      };
      if (isAlive(owner.pid) && birthMark(owner.pid) === owner.born) continue;
      destroy(home);
    } catch {
      // It belongs to another user, or another process is removing it.
    }
  }
}

/** Kills the server of the folder and removes the folder, without waiting. */
function destroy(home: string): void {
  const pgdata = join(home, 'pgdata');
  const file = readPostmasterFile(pgdata);
  if (file !== undefined && isAlive(file.pid) && worksIn(file.pid, pgdata)) killAll(file.pid);
  rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/** The major version of this test run. */
function versionOfTheRun(): { readonly version?: number } {
  const given = process.env['QUERATOR_TEST_POSTGRES_VERSION'];
  return given ? { version: Number(given) } : {};
}

/**
 * Starts a PostgreSQL with new data in the system's temporary folder, or in memory. The data are
 * removed when it stops, or when this process ends. The version is that of
 * `options`, or of QUERATOR_TEST_POSTGRES_VERSION.
 */
export async function startTemporaryCluster(given: TemporaryClusterOptions = {}): Promise<Cluster> {
  const { volatile = false, ...options } = given;
  const inMemory = volatile && hasMemoryFolder();
  for (const folder of inMemory ? [tmpdir(), MEMORY_FOLDER] : [tmpdir()]) removeLeftOvers(folder);
  const home = mkdtempSync(join(inMemory ? MEMORY_FOLDER : tmpdir(), PREFIX));
  const forget = atExit(() => destroy(home));
  try {
    const settings = { ...SMALL, ...(volatile ? { fsync: 'off' } : {}), ...options.settings };
    const cluster = await openCluster({ ...versionOfTheRun(), ...options, settings, dataDir: home }, true);
    const stop = cluster.stop.bind(cluster);
    return Object.assign(cluster, {
      async stop(): Promise<void> {
        await stop();
        await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
        forget();
      },
    });
  } catch (error) {
    destroy(home);
    forget();
    throw error;
  }
}
