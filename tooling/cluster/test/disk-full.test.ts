import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Load } from '@querator/tooling-load';
import { type Cluster, startCluster, startTemporaryCluster } from '@querator/tooling-postgres';
import { type Answer, ServerProcess } from '@querator/tooling-processes';
import pg from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import { SmallDisk } from '../src/small-disk.ts';

const NO_SPACE = '53100';
/** Large enough to fill a small disk soon. Random, so that it cannot be compressed. */
const PAYLOAD_BYTES = 30_000;
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

/** A server, and large items for it, one at a time. */
async function serve(queues: string, items: string) {
  const server = await ServerProcess.start({ storage: { queues, items } });
  cleanups.push(() => server.stop());
  const load = new Load([server], { payload: () => randomBytes(PAYLOAD_BYTES).toString('base64') });
  await load.createQueues();
  let count = 0;
  const produce = async (request_timeout = '3s') => {
    const answer = await load.produceOnce(server, [`n${count++}`], { request_timeout });
    if (answer === undefined) throw new Error('the server did not answer');
    return answer;
  };
  const expectNothingLost = async () => {
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  };
  return { server, ledger: load.ledger, produce, expectNothingLost };
}

type Serving = Awaited<ReturnType<typeof serve>>;

/** Produces until an item is refused. */
async function produceUntilFull({ produce }: Serving): Promise<Answer> {
  for (;;) {
    const reply = await produce();
    if (reply.status !== 200) return reply;
  }
}

const healthOf = async ({ url }: ServerProcess) => (await fetch(`${url}/health?requireStorage=all`)).status;

const produces = ({ produce }: Serving) =>
  vi.waitFor(async () => expect((await produce()).status).toBe(200), WITHIN);

test('a full disk with the items: produces are refused and certainly not stored, until the disk has grown', async () => {
  const cluster = await startTemporaryCluster();
  const disk = smallDisk(16);
  cleanups.push(() => cluster.stop());
  const folder = disk.makeFolder('items', statSync(join(cluster.dataDir, 'pgdata')));
  const admin = await connect(cluster.connectionString());
  await admin.query(`CREATE TABLESPACE small LOCATION '${folder}'`);
  const serving = await serve(
    cluster.connectionString(),
    `${cluster.connectionString()}?default_tablespace=small`,
  );

  const { server, ledger, produce } = serving;
  const refused = await produceUntilFull(serving);
  expect(refused.status).toBe(454);
  expect(ledger.acknowledged).toBeGreaterThan(100);
  // The disk is the reason, and nothing else.
  await expect(
    admin.query(
      `CREATE TABLE more TABLESPACE small AS SELECT repeat(md5(n::text), 99) FROM generate_series(1, 9999) AS n`,
    ),
  ).rejects.toMatchObject({ code: NO_SPACE });
  disk.fill();
  for (let n = 0; n < 3; n++) expect((await produce('500ms')).status).toBe(454);
  // The server knows that nothing was stored, and has answered so each time.
  expect(ledger.unknown).toBe(0);
  // A lease writes too, so it fails as well.
  const lease = { queue_name: 'load', client_id: 'c', batch_size: 1, request_timeout: '500ms' };
  expect((await server.post('queue.lease', lease)).status).toBe(454);
  expect(await healthOf(server)).toBe(503);

  disk.makeRoom();
  disk.grow(64);
  await produces(serving);
  // The server checks a storage at most once a second.
  await vi.waitFor(async () => expect(await healthOf(server)).toBe(200), WITHIN);
  await serving.expectNothingLost();
});

test('a full disk with all of PostgreSQL, which stops: no acknowledged item is lost, and Querator needs no restart', async () => {
  const disk = smallDisk(160);
  const settings = { max_wal_size: '48MB', min_wal_size: '32MB', shared_buffers: '16MB' };
  const cluster = await startCluster({ dataDir: join(disk.folder, 'postgres'), settings });
  cleanups.push(() => cluster.stop());
  const serving = await serve(cluster.connectionString(), cluster.connectionString());
  for (let n = 0; n < 200; n++) expect((await serving.produce()).status).toBe(200);

  disk.fill();
  await usedUpWal(cluster);
  for (let n = 0; n < 3; n++) expect((await serving.produce('500ms')).status).toBe(454);

  disk.makeRoom();
  // PostgreSQL ends when it has no space to recover; the operator starts it again.
  await cluster.start();
  await produces(serving);
  await serving.expectNothingLost();
});

/** Writes until PostgreSQL panics because its WAL has no space. */
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
