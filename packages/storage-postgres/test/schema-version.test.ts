import { SystemRandom, silentLogger } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Database, type Session } from '../src/database/database.ts';
import { PoolRegistry } from '../src/index.ts';
import type { Migration } from '../src/schema/migrations/migration.ts';
import { MIGRATIONS, newestVersion } from '../src/schema/migrations/migrations.ts';
import { SchemaManager } from '../src/schema/schema-manager.ts';
import { DEFAULT_TIME_LIMITS } from '../src/settings/time-limits.ts';
import { catalogueOf } from './support/catalogue.ts';
import { HOUR, item } from './support/contents.ts';
import { FIRST_VERSION_ROWS, FIRST_VERSION_TABLES } from './support/first-version.ts';
import { testBackend } from './support/test-backend.ts';

const KEY = { queue: 'my-queue', partition: 0 };
const NEWEST = newestVersion(MIGRATIONS);

/** A migration that leaves a record of each run. */
function step(version: number, work: (session: Session) => Promise<void> = async () => {}): Migration {
  return {
    version,
    migrate: async (session) => {
      await session.query({ text: 'CREATE TABLE IF NOT EXISTS traces (version int)' });
      await session.query({ text: `INSERT INTO traces VALUES (${version})` });
      await work(session);
    },
  };
}

describe('the version of the tables', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  const closing: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await client.end();
    await database.drop();
  });

  /** A manager of a separate process, with connections of its own. */
  function keeper(migrations: readonly Migration[]): SchemaManager {
    const limits = DEFAULT_TIME_LIMITS;
    const registry = new PoolRegistry({ logger: silentLogger });
    const share = registry.share(database.connectionString, { maxConns: 2, limits });
    closing.push(() => share.release());
    const db = new Database({ name: 'postgres-01', share, limits, random: new SystemRandom() });
    return new SchemaManager(db, { backend: 'postgres-01', migrations });
  }

  async function versions(): Promise<readonly number[]> {
    const { rows } = await client.query('SELECT version FROM querator_schema ORDER BY version');
    return rows.map((row) => row.version);
  }

  async function traces(): Promise<readonly number[]> {
    const { rows } = await client.query('SELECT version FROM traces');
    return rows.map((row) => row.version);
  }

  async function firstVersion(): Promise<void> {
    for (const text of [...FIRST_VERSION_TABLES, ...FIRST_VERSION_ROWS]) await client.query(text);
  }

  test('is the newest at once for an empty database, without migrations', async () => {
    await keeper([step(2), step(3)]).fixed.ensure();
    expect(await versions()).toEqual([3]);
    expect((await client.query(`SELECT to_regclass('traces') AS traces`)).rows).toEqual([{ traces: null }]);
  });

  test('is the first for a database without a version, which keeps all its contents', async () => {
    await firstVersion();
    const backend = testBackend(database.connectionString);
    closing.push(() => backend.close());
    const queue = await backend.queueStore().get('my-queue');
    expect(queue).toMatchObject({ requestedPartitions: 1, partitions: [{ partition: 0 }] });
    const store = backend.partitionStore(KEY);
    expect(await store.stats()).toMatchObject({ waiting: 1, leased: 1, scheduled: 1 });
    await store.produce([{ items: [item('new')] }], HOUR);
    const leased = await store.lease({ limit: 10, leaseTimeout: HOUR });
    expect(leased.map(({ reference }) => reference)).toEqual(['waiting', 'new']);
    const done = await store.complete([{ ids: ['00000000027100001bbbbbbbbbb'] }]);
    expect(done[0]?.ok).toBe(true);
    expect((await versions())[0]).toBe(1);
    expect((await versions()).at(-1)).toBe(NEWEST);
  });

  test('gives the same tables whether they were migrated or created', async () => {
    await firstVersion();
    const other = await createTestDatabase();
    const fresh = new pg.Client(other.connectionString);
    await fresh.connect();
    for (const { connectionString } of [database, other]) {
      const backend = testBackend(connectionString);
      await backend.partitionStore(KEY).stats();
      await backend.close();
    }
    expect(await catalogueOf(client)).toEqual(await catalogueOf(fresh));
    await fresh.end();
    await other.drop();
  });

  test('is raised to ours, each step once, even if many servers start together', async () => {
    await firstVersion();
    const migrations = [
      step(2, async (session) => {
        await session.query({ text: 'ALTER TABLE querator_queues ADD COLUMN colour text' });
        await session.query({ text: `UPDATE querator_queues SET colour = 'red'` });
      }),
      step(3),
    ];
    await Promise.all(Array.from({ length: 10 }, () => keeper(migrations).fixed.ensure()));
    expect(await traces()).toEqual([2, 3]);
    expect(await versions()).toEqual([1, 2, 3]);
    const { rows } = await client.query('SELECT name, colour FROM querator_queues');
    expect(rows).toEqual([{ name: 'my-queue', colour: 'red' }]);
  });

  test('continues from the recorded one', async () => {
    await keeper([step(2)]).fixed.ensure();
    await keeper([step(2), step(3), step(4)]).fixed.ensure();
    expect(await versions()).toEqual([2, 3, 4]);
    expect(await traces()).toEqual([3, 4]);
    await keeper([step(2), step(3), step(4)])
      .partition(KEY)
      .ensure();
    expect(await traces()).toEqual([3, 4]);
  });

  test('is refused if it is newer than ours, naming both, and checked again the next time', async () => {
    await firstVersion();
    await keeper([step(2)]).fixed.ensure();
    const older = keeper([]);
    const refused = {
      name: 'StorageError',
      outcome: 'not-applied',
      message:
        "storage 'postgres-01': the tables in this database have version 2, of a newer Querator; " +
        'this one knows versions up to 1',
    };
    await expect(older.fixed.ensure()).rejects.toMatchObject(refused);
    await expect(older.partition(KEY).ensure()).rejects.toMatchObject(refused);
    await client.query('DELETE FROM querator_schema WHERE version = 2');
    await older.partition(KEY).ensure();
  });

  test('stays the same, without any change, when a step fails', async () => {
    await firstVersion();
    const before = await catalogueOf(client);
    const broken = step(3, async (session) => {
      await session.query({ text: 'ALTER TABLE querator_queues ADD COLUMN colour text' });
      await session.query({ text: 'SELECT 1 / 0' });
    });
    await expect(keeper([step(2), broken]).fixed.ensure()).rejects.toMatchObject({ outcome: 'not-applied' });
    expect(await catalogueOf(client)).toEqual(before);
    await keeper([step(2), step(3)]).fixed.ensure();
    expect(await versions()).toEqual([1, 2, 3]);
  });

  test('is not needed to create a dropped fixed table again', async () => {
    await keeper([]).fixed.ensure();
    await client.query('DROP TABLE querator_queues');
    await keeper([]).fixed.ensure();
    expect((await client.query('TABLE querator_queues')).rows).toEqual([]);
    expect(await versions()).toEqual([1]);
  });

  test.each([
    'DROP TABLE querator_queues, querator_schema',
    'DROP TABLE querator_queues; TRUNCATE querator_schema',
  ])('needs no migration of missing tables: after %s all are created', async (drop) => {
    await keeper(MIGRATIONS).fixed.ensure();
    await client.query(drop);
    await keeper(MIGRATIONS).fixed.ensure();
    expect((await client.query('TABLE querator_queues')).rows).toEqual([]);
    expect(await versions()).toEqual([NEWEST]);
  });
});
