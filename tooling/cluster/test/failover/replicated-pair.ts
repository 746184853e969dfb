import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type Cluster, type FaultProxy, startCluster, startFaultProxy } from '@querator/tooling-postgres';
import pg from 'pg';
import { expect, vi } from 'vitest';
import { postgresServerTools } from '../../src/debian-tools.ts';
import { runTool } from '../run-tool.ts';

/** Longer than anything here takes on a machine that is busy. */
export const PATIENCE = { timeout: 30_000, interval: 50 };

/** The standby's name in synchronous_standby_names, and that of its slot. */
const STANDBY = 'standby_1';

/** As docs/storage/high-availability.md has them. */
const SETTINGS = {
  wal_level: 'replica',
  max_wal_senders: '10',
  max_slot_wal_keep_size: '10GB',
  hot_standby: 'on',
  // So that a small machine runs two of them.
  shared_buffers: '64MB',
  max_connections: '100',
};

/** A primary and a streaming standby, from Debian's packages. */
export class ReplicatedPair {
  /** The server that was the primary at the start, whatever it is now. */
  readonly first: Cluster;
  /** The server that was the standby at the start. */
  readonly second: Cluster;
  /** Carries the replication from the first to the second. */
  readonly link: FaultProxy;
  readonly #programs: string;

  private constructor(first: Cluster, second: Cluster, link: FaultProxy, programs: string) {
    this.first = first;
    this.second = second;
    this.link = link;
    this.#programs = programs;
  }

  /** @param mode what the primary waits for before it answers a commit. */
  static async start(mode: 'synchronous' | 'asynchronous'): Promise<ReplicatedPair> {
    const programs = postgresServerTools().folder;
    const begun: { stop(): Promise<void> }[] = [];
    try {
      const open = async (home: string, cluster_name: string) => {
        const settings = { ...SETTINGS, cluster_name };
        const cluster = await startCluster({ dataDir: home, programs, settings });
        begun.push(cluster);
        return cluster;
      };
      const first = await open(newHome(), 'node_1');
      // What pg_rewind needs, where data checksums are off. It starts the server by itself, and knows no command line.
      await onServer(first, 'ALTER SYSTEM SET wal_log_hints = on');
      await first.halt();
      await first.start();
      const link = await startFaultProxy(first.connectionString());
      begun.push({ stop: () => link.close() });
      const home = newHome();
      await runTool('pg_basebackup', [
        ...['-d', link.connectionString, '-D', join(home, 'pgdata'), '-X', 'stream', '-c', 'fast'],
        ...['-C', '-S', STANDBY, '-R'],
      ]);
      givePassword(first, home);
      const pair = new ReplicatedPair(first, await open(home, STANDBY), link, programs);
      await pair.streaming(first);
      if (mode === 'synchronous') await pair.waitForStandby();
      return pair;
    } catch (error) {
      for (const each of begun) await each.stop();
      throw error;
    }
  }

  /** `postgres://…@first,second/postgres?…` */
  connectionString(query: string): string {
    const { username, password } = new URL(this.first.connectionString());
    const hosts = [this.first, this.second].map(hostOf).join(',');
    return `postgres://${username}:${password}@${hosts}/postgres?${query}`;
  }

  /** From now on commits at the first wait for the second. */
  async waitForStandby(): Promise<void> {
    await onServer(this.first, `ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (${STANDBY})'`);
    await onServer(this.first, 'SELECT pg_reload_conf()');
    await vi.waitFor(async () => {
      const rows = await onServer(this.first, 'SELECT sync_state FROM pg_stat_replication');
      expect(rows).toEqual([{ sync_state: 'quorum' }]);
    }, PATIENCE);
  }

  /** Waits until somebody streams from the server. */
  async streaming(primary: Cluster): Promise<void> {
    await vi.waitFor(async () => {
      const rows = await onServer(primary, 'SELECT state FROM pg_stat_replication');
      expect(rows).toEqual([{ state: 'streaming' }]);
    }, PATIENCE);
  }

  /** Waits until a standby has all that its primary has now. */
  async caughtUp(primary = this.first, standby = this.second): Promise<void> {
    const [now] = await onServer(primary, 'SELECT pg_current_wal_flush_lsn()::text AS lsn');
    const there = `SELECT pg_last_wal_replay_lsn() >= '${now?.['lsn']}'::pg_lsn AS there`;
    await vi.waitFor(async () => expect(await onServer(standby, there)).toEqual([{ there: true }]), PATIENCE);
  }

  /** Makes the second the primary. Ends when it takes writes. */
  async promote(): Promise<void> {
    const [row] = await onServer(this.second, 'SELECT pg_promote(true, 60) AS promoted');
    expect(row).toEqual({ promoted: true });
    // Slots do not come over. This one keeps what the first will need when it comes back.
    await onServer(this.second, `SELECT pg_create_physical_replication_slot('${STANDBY}', true)`);
  }

  /** Brings the first, which is down, back as the standby of the second, with pg_rewind. */
  async rejoin(): Promise<void> {
    // Until its first checkpoint the new primary looks to pg_rewind as if it had never been promoted.
    await onServer(this.second, 'CHECKPOINT');
    const pgdata = join(this.first.dataDir, 'pgdata');
    // As the account that the data belong to.
    const { uid, gid } = statSync(pgdata);
    const source = this.second.connectionString();
    const { status, stderr, stdout } = spawnSync(
      join(this.#programs, 'pg_rewind'),
      ['-D', pgdata, `--source-server=${source}`, '-R'],
      { uid, gid, cwd: '/', encoding: 'utf8', env: { PATH: process.env['PATH'], LC_ALL: 'C' } },
    );
    if (status !== 0) throw new Error(`pg_rewind ended with ${status}: ${stdout}${stderr}`);
    await this.first.start();
    await this.streaming(this.second);
  }

  async stop(): Promise<void> {
    await this.link.close();
    for (const cluster of [this.first, this.second]) {
      await cluster.stop();
      await rm(cluster.dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    }
  }
}

/** As a connection string names it. */
function hostOf({ host, port }: Cluster): string {
  return `${host}:${port}`;
}

/** Asks a server, on a connection of its own. */
export async function onServer(cluster: Cluster, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({
    connectionString: cluster.connectionString(),
    application_name: 'operator',
  });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query(text);
    return rows;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Named as those of temporary servers: what a killed run leaves, a later one removes. */
function newHome(): string {
  return mkdtempSync(join(tmpdir(), 'querator-pg-'));
}

/** A copy of a server has the server's passwords. */
function givePassword(original: Cluster, home: string): void {
  const password = readFileSync(join(original.dataDir, 'password'));
  writeFileSync(join(home, 'password'), password, { mode: 0o600 });
}
