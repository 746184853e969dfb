import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { atExit, birthMark, isAlive, worksIn } from '@querator/tooling-processes';
import { type Cluster, type ClusterOptions, openCluster } from './cluster.ts';
import { killAll } from './postmaster.ts';
import { readPostmasterFile } from './postmaster-file.ts';

const PREFIX = 'querator-pg-';
const LEFT_OVER_AFTER_MS = 3_600_000;

/** Small, but durable: fsync stays on for the tests of durability. */
const SMALL = {
  shared_buffers: '32MB',
  max_connections: '200',
  max_wal_size: '256MB',
  // Helper processes that a short-lived server does not need.
  max_logical_replication_workers: '0',
};

/** Removes the folders that killed test runs have left in the temporary folder. */
function removeLeftOvers(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const home = join(tmpdir(), name);
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
 * Starts a PostgreSQL with new data in the system's temporary folder. The data are
 * removed when it stops, or when this process ends. The version is that of
 * `options`, or of QUERATOR_TEST_POSTGRES_VERSION.
 */
export async function startTemporaryCluster(options: Omit<ClusterOptions, 'dataDir'> = {}): Promise<Cluster> {
  removeLeftOvers();
  const home = mkdtempSync(join(tmpdir(), PREFIX));
  const forget = atExit(() => destroy(home));
  try {
    const settings = { ...SMALL, ...options.settings };
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
