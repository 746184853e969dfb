import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Cluster,
  SUPPORTED_VERSIONS,
  startCluster,
  startTemporaryCluster,
} from '@querator/tooling-postgres';
import { postgresTools, runTool } from '@querator/tooling-postgres/debian';
import pg from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import { contentsOf, drain, fillQueue, type LiveQueue, openQueue, produceOne } from './live-queue.ts';

/** pg_dump and pg_basebackup work with servers up to their own version. */
const version = SUPPORTED_VERSIONS.filter((supported) => supported <= postgresTools().version).at(-1) ?? 0;
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'querator-backup-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function open(connectionString: string): Promise<LiveQueue> {
  const queue = openQueue(connectionString);
  cleanups.push(() => queue.close());
  return queue;
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client(connectionString);
  // Some tests stop a server with open connections.
  client.on('error', () => {});
  await client.connect();
  cleanups.push(() => client.end().catch(() => {}));
  return client;
}

/** Produces during a test. @returns a function that stops it and returns the highest id. */
function keepBusy(queue: LiveQueue): () => Promise<string> {
  let busy = true;
  let highest = '';
  const work = (async () => {
    for (let n = 0; busy; n++) highest = await produceOne(queue, `busy ${n}`);
  })();
  return async () => {
    busy = false;
    await work;
    return highest;
  };
}

test('a dump of a busy queue restores a working queue, by pg_dump and pg_restore', async () => {
  const cluster = await startTemporaryCluster({ version });
  cleanups.push(() => cluster.stop());
  const admin = await connect(cluster.connectionString());
  await admin.query('CREATE DATABASE live');
  await admin.query(`CREATE ROLE restored_owner LOGIN PASSWORD 'p'`);
  await admin.query('CREATE DATABASE restored OWNER restored_owner');
  const live = await open(cluster.connectionString('live'));
  await fillQueue(live);
  const stopTraffic = keepBusy(live);
  const file = join(scratchFolder(), 'querator.dump');
  await vi.waitFor(async () => expect((await live.store.stats()).waiting).toBeGreaterThan(10), 10_000);
  await runTool('pg_dump', ['-d', cluster.connectionString('live'), '-F', 'c', '-f', file]);
  const highestEver = await stopTraffic();
  const original = await live.store.list({ state: 'queued', pivot: '', limit: 10_000 });

  const target = new URL(cluster.connectionString('restored'));
  target.username = 'restored_owner';
  target.password = 'p';
  await runTool('pg_restore', ['-d', target.href, '--no-owner', '--no-privileges', '--exit-on-error', file]);
  const restored = await open(target.href);
  const stored = await restored.store.list({ state: 'queued', pivot: '', limit: 10_000 });
  // The dump has all items of its moment, without a gap, and no later ones.
  expect(stored.length).toBeGreaterThan(10);
  expect(stored).toEqual(original.slice(0, stored.length));
  expect(await restored.backend.queueStore().get('orders')).toEqual(
    await live.backend.queueStore().get('orders'),
  );
  expect(await restored.store.list({ state: 'scheduled', pivot: '', limit: 10 })).toEqual(
    await live.store.list({ state: 'scheduled', pivot: '', limit: 10 }),
  );
  expect((await produceOne(restored, 'new')) > (stored.at(-1)?.id ?? '')).toBe(true);
  expect((await produceOne(live, 'goes on')) > highestEver).toBe(true);
  const { waiting, dead } = await drainAll(restored);
  expect(waiting.slice(0, 3)).toEqual(['waiting 1', 'waiting 2', 'busy 0']);
  expect(waiting.at(-1)).toBe('new');
  expect(dead).toEqual(['dead']);
  expect(await restored.store.stats()).toMatchObject({ waiting: 0, leased: 2, scheduled: 1 });
  const owned = await connect(target.href);
  const { rows } = await owned.query(
    `SELECT reloptions FROM pg_class WHERE relname LIKE 'items\\_%\\_000000'`,
  );
  expect(rows[0].reloptions).toContain('autovacuum_vacuum_scale_factor=0.02');
});

test('recovery to a point in time restores the queue of that moment, by pg_basebackup and archived WAL', async () => {
  const archive = scratchFolder();
  const wal = join(archive, 'wal');
  mkdirSync(wal);
  // The account of PostgreSQL needs access to both folders.
  for (const folder of [archive, wal]) chmodSync(folder, 0o777);
  const cluster = await startTemporaryCluster({
    version,
    settings: {
      archive_mode: 'on',
      archive_command: `test ! -f ${wal}/%f && cp %p ${wal}/%f`,
      wal_level: 'replica',
    },
  });
  cleanups.push(() => cluster.stop());
  const admin = await connect(cluster.connectionString());
  const live = await open(cluster.connectionString());
  await fillQueue(live);

  const home = scratchFolder();
  const pgdata = join(home, 'pgdata');
  await runTool('pg_basebackup', [
    '-d',
    cluster.connectionString(),
    '-D',
    pgdata,
    '-X',
    'none',
    '-c',
    'fast',
  ]);
  const lastBefore = await produceOne(live, 'after the backup');
  const wanted = await contentsOf(live);
  const { rows } = await admin.query('SELECT clock_timestamp()::text AS moment');
  // The accident: all items are removed, and another one is added.
  await drainAll(live);
  await produceOne(live, 'too late');
  await archived(admin);
  await live.close();
  await cluster.halt();

  const recovered = await recover(cluster, home, { moment: rows[0].moment, wal });
  await promoted(await connect(recovered.connectionString()));
  const queue = await open(recovered.connectionString());
  expect(await contentsOf(queue)).toEqual(wanted);
  expect((await produceOne(queue, 'new')) > lastBefore).toBe(true);
  const { waiting, dead } = await drainAll(queue);
  expect(waiting).toEqual(['waiting 1', 'waiting 2', 'after the backup', 'new']);
  expect(dead).toEqual(['dead']);
  expect(await queue.store.stats()).toMatchObject({ waiting: 0, leased: 2, scheduled: 1 });
});

/** Waits until the archive has all WAL so far. */
async function archived(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query('SELECT pg_walfile_name(pg_switch_wal()) AS file');
  await vi.waitFor(
    async () => {
      const { rows: seen } = await admin.query('SELECT last_archived_wal AS file FROM pg_stat_archiver');
      expect(seen[0].file >= rows[0].file).toBe(true);
    },
    { timeout: 30_000, interval: 50 },
  );
}

/** Starts a server on a base backup. It recovers up to a point in time and then takes writes. */
async function recover(
  original: Cluster,
  home: string,
  { moment, wal }: { readonly moment: string; readonly wal: string },
): Promise<Cluster> {
  writeFileSync(join(home, 'pgdata', 'recovery.signal'), '');
  writeFileSync(join(home, 'password'), new URL(original.connectionString()).password, { mode: 0o600 });
  const cluster = await startCluster({
    ...{ dataDir: home, version },
    settings: {
      restore_command: `cp ${wal}/%f %p`,
      recovery_target_time: moment,
      recovery_target_action: 'promote',
      shared_buffers: '32MB',
      max_connections: '200',
    },
  });
  cleanups.push(() => cluster.stop());
  return cluster;
}

/** Waits until the server takes writes, which is later than connections. */
async function promoted(admin: pg.Client): Promise<void> {
  await vi.waitFor(
    async () => {
      const { rows } = await admin.query('SELECT pg_is_in_recovery() AS recovering');
      expect(rows).toEqual([{ recovering: false }]);
    },
    { timeout: 30_000, interval: 50 },
  );
}

async function drainAll(queue: LiveQueue): Promise<{ waiting: string[]; dead: string[] }> {
  const all = await drain(queue);
  for (;;) {
    const more = await drain(queue);
    if (more.waiting.length === 0) return all;
    all.waiting.push(...more.waiting);
  }
}
