import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, startCluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import { SmallDisk } from '../src/small-disk.ts';
import { LiveServer } from './live-server.ts';

const NO_SPACE = '53100';
const WITHIN = { timeout: 30_000, interval: 50 };
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function smallDisk(megabytes: number): SmallDisk {
  const disk = new SmallDisk(megabytes);
  cleanups.push(() => disk.remove());
  return disk;
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client(connectionString);
  client.on('error', () => {});
  await client.connect();
  cleanups.push(() => client.end().catch(() => {}));
  return client;
}

async function serve(queues: string, items: string): Promise<LiveServer> {
  const server = await LiveServer.start(queues, items);
  cleanups.push(() => server.stop());
  return server;
}

/** Produces until an item is refused. */
async function produceUntilFull(server: LiveServer) {
  for (;;) {
    const reply = await server.produce();
    if (reply.status !== 200) return reply;
  }
}

const produces = (server: LiveServer) =>
  vi.waitFor(async () => expect((await server.produce()).status).toBe(200), WITHIN);

test('a full disk under the items: refused and known not to be stored; goes on when the disk has grown', async () => {
  const cluster = await startTemporaryCluster();
  const disk = smallDisk(16);
  cleanups.push(() => cluster.stop());
  const folder = disk.makeFolder('items', statSync(join(cluster.dataDir, 'pgdata')));
  const admin = await connect(cluster.connectionString());
  await admin.query(`CREATE TABLESPACE small LOCATION '${folder}'`);
  const server = await serve(
    cluster.connectionString(),
    `${cluster.connectionString()}?default_tablespace=small`,
  );

  const refused = await produceUntilFull(server);
  expect(refused.status).toBe(454);
  expect(server.acknowledged).toBeGreaterThan(100);
  // It is the disk, and nothing else.
  await expect(
    admin.query(
      `CREATE TABLE more TABLESPACE small AS SELECT repeat(md5(n::text), 99) FROM generate_series(1, 9999) AS n`,
    ),
  ).rejects.toMatchObject({ code: NO_SPACE });
  disk.fill();
  for (let n = 0; n < 3; n++) expect((await server.produce('500ms')).status).toBe(454);
  // The server knows that nothing was stored, and has told so each time.
  expect(server.unknown).toBe(0);
  // A lease writes too, so consumers have to wait as well.
  expect((await server.lease(1, '500ms')).status).toBe(454);
  expect(await server.health()).toBe(503);

  disk.makeRoom();
  disk.grow(64);
  await produces(server);
  // A storage is asked at most once a second.
  await vi.waitFor(async () => expect(await server.health()).toBe(200), WITHIN);
  expect(await server.settle()).toEqual({ lost: [], strange: [] });
});

test('a full disk under all of PostgreSQL, which gives up: nothing acknowledged is lost, no restart of ours', async () => {
  const disk = smallDisk(160);
  const settings = { max_wal_size: '48MB', min_wal_size: '32MB', shared_buffers: '16MB' };
  const cluster = await startCluster({ dataDir: join(disk.folder, 'postgres'), settings });
  cleanups.push(() => cluster.stop());
  const server = await serve(cluster.connectionString(), cluster.connectionString());
  for (let n = 0; n < 200; n++) expect((await server.produce()).status).toBe(200);

  disk.fill();
  await usedUpWal(cluster);
  for (let n = 0; n < 3; n++) expect((await server.produce('500ms')).status).toBe(454);

  disk.makeRoom();
  // PostgreSQL ends when it cannot recover for want of space; the operator starts it again.
  await cluster.start();
  await produces(server);
  expect(await server.settle()).toEqual({ lost: [], strange: [] });
});

/** Writes until PostgreSQL panics, as it does when there is no room for its log. */
async function usedUpWal(cluster: Cluster): Promise<void> {
  await vi.waitFor(
    async () => {
      const admin = await connect(cluster.connectionString()).catch(() => undefined);
      for (let n = 0; admin !== undefined && n < 100; n++) {
        try {
          await admin.query('SELECT txid_current(), pg_switch_wal()');
        } catch {
          break;
        }
      }
      expect(cluster.pid).toBeUndefined();
    },
    { timeout: 60_000, interval: 100 },
  );
}
