import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { type Cluster, startCluster } from './cluster.ts';
import { postgresServerTools } from './debian-tools.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { runWithoutSettings } from './run-tool.ts';

/** Enough for each step on a busy machine. */
const TIME_LIMIT_MS = 60_000;
const POLL_MS = 50;

/** The names of the servers in synchronous_standby_names. */
const NAMES = ['node_1', 'standby_1'] as const;
/** The replication slot of the standby. */
const SLOT = 'standby_1';

/** As in docs/storage/high-availability.md. */
const SETTINGS = {
  wal_level: 'replica',
  max_wal_senders: '10',
  max_slot_wal_keep_size: '10GB',
  hot_standby: 'on',
  // Small, so that a small machine can run two servers.
  shared_buffers: '64MB',
  max_connections: '100',
  // A standby reconnects to a restarted primary sooner than after the default of 5 s.
  wal_retrieve_retry_interval: '500ms',
};

/** One of the two servers. */
interface Member {
  readonly cluster: Cluster;
  readonly name: (typeof NAMES)[number];
  /** The proxy of the replication from this server to the other one. */
  readonly link: FaultProxy;
}

/** A primary and a streaming standby, from Debian's packages. */
export class ReplicatedPair {
  /** The first primary, in its current role. */
  readonly first: Cluster;
  /** The first standby. */
  readonly second: Cluster;
  readonly #programs: string;
  #primary: Member;
  #standby: Member;

  private constructor(primary: Member, standby: Member, programs: string) {
    this.first = primary.cluster;
    this.second = standby.cluster;
    this.#primary = primary;
    this.#standby = standby;
    this.#programs = programs;
  }

  /** @param mode whether commits wait for the standby. */
  static async start(mode: 'synchronous' | 'asynchronous'): Promise<ReplicatedPair> {
    const programs = postgresServerTools().folder;
    const begun: { stop(): Promise<void> }[] = [];
    const open = async (home: string, name: Member['name']): Promise<Member> => {
      const settings = { ...SETTINGS, cluster_name: name };
      const cluster = await startCluster({ dataDir: home, programs, settings });
      begun.push(cluster);
      const link = await startFaultProxy(cluster.connectionString());
      begun.push({ stop: () => link.close() });
      return { cluster, name, link };
    };
    try {
      const first = await open(newHome(), NAMES[0]);
      // pg_rewind needs it without data checksums. It starts the server by itself, without our command line.
      await onServer(first.cluster, 'ALTER SYSTEM SET wal_log_hints = on');
      await first.cluster.halt();
      await first.cluster.start();
      const home = newHome();
      await runWithoutSettings(join(programs, 'pg_basebackup'), [
        ...['-d', first.link.connectionString, '-D', join(home, 'pgdata'), '-X', 'stream', '-c', 'fast'],
        ...['-C', '-S', SLOT, '-R'],
      ]);
      givePassword(first.cluster, home);
      const pair = new ReplicatedPair(first, await open(home, NAMES[1]), programs);
      await pair.streaming();
      if (mode === 'synchronous') await pair.waitForStandby();
      return pair;
    } catch (error) {
      for (const each of begun) await each.stop();
      throw error;
    }
  }

  /** The server that was promoted last, running or not. */
  get primary(): Cluster {
    return this.#primary.cluster;
  }

  /** The proxy of the replication from the primary to the standby. */
  get link(): FaultProxy {
    return this.#primary.link;
  }

  /** `postgres://…@first,second/postgres?…` */
  connectionString(query: string): string {
    const { username, password } = new URL(this.first.connectionString());
    const hosts = [this.first, this.second].map(hostOf).join(',');
    return `postgres://${username}:${password}@${hosts}/postgres?${query}`;
  }

  /** Makes commits at the primary wait for the standby, which has everything before. */
  async waitForStandby(): Promise<void> {
    const names = `ANY 1 (${this.#standby.name})`;
    await onServer(this.primary, `ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
    await onServer(this.primary, 'SELECT pg_reload_conf()');
    await until('the standby is synchronous', async () => {
      const rows = await onServer(this.primary, 'SELECT sync_state FROM pg_stat_replication');
      return rows.length === 1 && rows[0]?.['sync_state'] === 'quorum';
    });
    // Sessions wait after the checkpointer has read the setting, which a requested checkpoint ensures.
    await onServer(this.primary, 'CHECKPOINT');
    await this.caughtUp();
  }

  /** Waits until the standby streams from the primary. */
  async streaming(): Promise<void> {
    await until('the standby streams', async () => {
      const rows = await onServer(this.primary, 'SELECT state FROM pg_stat_replication');
      return rows.length === 1 && rows[0]?.['state'] === 'streaming';
    });
  }

  /** Waits until the standby has everything that the primary has now. */
  async caughtUp(): Promise<void> {
    const [now] = await onServer(this.primary, 'SELECT pg_current_wal_flush_lsn()::text AS lsn');
    const there = `SELECT pg_last_wal_replay_lsn() >= '${now?.['lsn']}'::pg_lsn AS there`;
    await until('the standby has caught up', async () => {
      const [row] = await onServer(this.#standby.cluster, there);
      return row?.['there'] === true;
    });
  }

  /** Promotes the standby, which first commits without a standby. Resolves when it takes writes. */
  async promote(): Promise<void> {
    const { cluster } = this.#standby;
    const [row] = await onServer(cluster, 'SELECT pg_promote(true, 60) AS promoted');
    if (row?.['promoted'] !== true) throw new Error('the standby was not promoted within a minute');
    // Slots are not replicated. This one keeps the WAL for the other server's return.
    await onServer(cluster, `SELECT pg_create_physical_replication_slot('${SLOT}', true)`);
    [this.#primary, this.#standby] = [this.#standby, this.#primary];
  }

  /** Brings the stopped former primary back as the standby of the new one, with pg_rewind. */
  async rejoin(): Promise<void> {
    // pg_rewind does not recognise a promotion before the new primary's first checkpoint.
    await onServer(this.primary, 'CHECKPOINT');
    const pgdata = join(this.#standby.cluster.dataDir, 'pgdata');
    const source = `--source-server=${this.link.connectionString}`;
    // With the account that owns the data.
    const { uid, gid } = statSync(pgdata);
    await runWithoutSettings(join(this.#programs, 'pg_rewind'), ['-D', pgdata, source, '-R'], { uid, gid });
    await this.#standby.cluster.start();
    await this.streaming();
  }

  async stop(): Promise<void> {
    for (const { link } of [this.#primary, this.#standby]) await link.close();
    for (const cluster of [this.first, this.second]) {
      await cluster.stop();
      await rm(cluster.dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    }
  }
}

/** `host:port`, as in a connection string. */
function hostOf({ host, port }: Cluster): string {
  return `${host}:${port}`;
}

/** Runs a statement on a server, with a new connection. */
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

/** Waits for a condition. An error means that it is not true yet. */
async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + TIME_LIMIT_MS;
  for (let last: unknown; ; await delay(POLL_MS)) {
    try {
      if (await condition()) return;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`waited for a minute, and it is not so: ${what}`, { cause: last });
    }
  }
}

/** Named like the folders of temporary servers, so that a later run removes what a killed one leaves. */
function newHome(): string {
  return mkdtempSync(join(tmpdir(), 'querator-pg-'));
}

/** A copy of a server has its passwords. */
function givePassword(original: Cluster, home: string): void {
  const password = readFileSync(join(original.dataDir, 'password'));
  writeFileSync(join(home, 'password'), password, { mode: 0o600 });
}
