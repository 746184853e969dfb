import { type LogFields, parseDuration, type Queue } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DeletionRecords } from '../src/queues/deletion-records.ts';
import { instantToText } from '../src/wire/instant-text.ts';
import { draw, explain, stepsOf } from './support/explain.ts';
import { RecordingDatabase } from './support/recording-database.ts';
import { createRole, type TestRole } from './support/roles.ts';
import { testBackend } from './support/test-backend.ts';

const NOTES = 'querator_deleted_queues';

const queue = (name: string) => ({
  ...{ name, namespace: '', deadQueue: '', maxAttempts: 0, reference: '', requestedPartitions: 1 },
  leaseTimeout: parseDuration('1m'),
  expireTimeout: parseDuration('1h'),
  partitions: [{ partition: 0, storageName: 'postgres-01' }],
});

describe('records of deleted queues', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  const open: ReturnType<typeof testBackend>[] = [];
  const warnings: string[] = [];

  beforeEach(async () => {
    warnings.length = 0;
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
  });
  afterEach(async () => {
    for (const backend of open.splice(0)) await backend.close();
    await client.end();
    await database.drop();
  });

  function queues(connectionString = database.connectionString) {
    const ignore = () => {};
    const warn = (message: string, _fields?: LogFields) => void warnings.push(message);
    const logger = { debug: ignore, info: ignore, warn, error: ignore };
    const backend = testBackend(connectionString, { logger });
    open.push(backend);
    return backend.queueStore();
  }

  test('have a table that the first deletion creates, even if many servers delete at once', async () => {
    const stores = [queues(), queues(), queues(), queues()];
    const made: Queue[] = [];
    for (const [n, store] of stores.entries()) made.push(await store.create(queue(`q-${n}`)));
    expect(await stores[0]?.wasDeleted('q-0', made[0]?.createdAt ?? (0n as never))).toBe(false);
    await expect(client.query(`TABLE ${NOTES}`)).rejects.toThrow('does not exist');
    await Promise.all(stores.map((store, n) => store.delete(`q-${n}`)));
    expect((await client.query(`SELECT name FROM ${NOTES} ORDER BY 1`)).rows).toEqual(
      [0, 1, 2, 3].map((n) => ({ name: `q-${n}` })),
    );
  });

  test('are written in the transaction of the deletion', async () => {
    const store = queues();
    await store.create(queue('first'));
    await store.delete('first');
    const { createdAt } = await store.create(queue('q'));
    await client.query(`ALTER TABLE ${NOTES} ADD CHECK (name <> 'q')`);
    await expect(store.delete('q')).rejects.toMatchObject({ name: 'StorageError', outcome: 'not-applied' });
    expect(await store.get('q')).toBeDefined();
    expect(await store.wasDeleted('q', createdAt)).toBe(false);
  });

  test('are not written by a server of the previous release, whose deletions are therefore no proof', async () => {
    const store = queues();
    const { createdAt } = await store.create(queue('q'));
    await client.query(`DELETE FROM querator_queues WHERE name = 'q'`);
    expect(await store.wasDeleted('q', createdAt)).toBe(false);
  });

  describe('for a user with few rights', () => {
    let role: TestRole;

    beforeEach(async () => {
      const first = queues();
      await first.create(queue('q'));
      role = await createRole(database, 'user');
      await client.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
      await client.query(
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role.name}`,
      );
    });
    afterEach(async () => {
      for (const backend of open.splice(0)) await backend.close();
      await role.drop();
    });

    test('that may not create their table, queues are deleted nevertheless, with one warning', async () => {
      const store = queues(role.connectionString);
      const { createdAt } = (await store.get('q')) as Queue;
      await store.forgetDeletion('q', createdAt);
      expect(await store.delete('q', createdAt)).toBe(true);
      expect(await store.delete('q', createdAt)).toBe(false);
      expect(await store.get('q')).toBeUndefined();
      expect(await store.wasDeleted('q', createdAt)).toBe(false);
      expect(warnings).toEqual([expect.stringContaining('deletions of queues are not recorded')]);
    });

    test('that may not use their table, queues are deleted nevertheless, with one warning', async () => {
      await queues().create(queue('other'));
      await queues().delete('other');
      await client.query(`REVOKE ALL ON ${NOTES} FROM PUBLIC, ${role.name}`);
      const store = queues(role.connectionString);
      const { createdAt } = (await store.get('q')) as Queue;
      expect(await store.wasDeleted('q', createdAt)).toBe(false);
      await store.forgetDeletion('q', createdAt);
      expect(await store.delete('q', createdAt)).toBe(true);
      expect(warnings).toEqual([expect.stringContaining('deletions of queues are not recorded')]);
    });
  });

  test.each([
    [
      'table with a constraint',
      'CREATE TABLE $ (name text, created_at timestamptz, done_at timestamptz, CHECK (tell(name)), PRIMARY KEY (name, created_at))',
    ],
    ['view', 'CREATE VIEW $ AS SELECT name, created_at, done_at FROM noted WHERE tell(name)'],
  ])('are not used if another role has created a %s in place of their table', async (_, text) => {
    const mallory = await createRole(database, 'mallory');
    const server = await createRole(database, 'server');
    await client.query('GRANT CREATE ON SCHEMA public TO PUBLIC');
    const store = queues(server.connectionString);
    const { createdAt } = await store.create(queue('q'));
    const planter = new pg.Client(mallory.connectionString);
    await planter.connect();
    await planter.query(`
      CREATE TABLE heard (what text);
      GRANT INSERT ON heard TO PUBLIC;
      CREATE TABLE noted AS SELECT 'q' AS name, '${instantToText(createdAt)}'::timestamptz AS created_at, NULL::timestamptz AS done_at;
      CREATE FUNCTION tell(what text) RETURNS bool LANGUAGE plpgsql
        AS $$BEGIN INSERT INTO public.heard VALUES (what); RETURN true; END$$;
      ${text.replace('$', NOTES)};
      GRANT ALL ON ${NOTES} TO PUBLIC; TRUNCATE heard`);
    await planter.end();
    expect(await store.wasDeleted('q', createdAt)).toBe(false);
    expect(await store.delete('q', createdAt)).toBe(true);
    await store.forgetDeletion('q', createdAt);
    expect((await client.query('SELECT what FROM heard')).rows).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('deletions of queues are not recorded')]);
    for (const backend of open.splice(0)) await backend.close();
    await server.drop();
    await mallory.drop();
  });

  test('are found through an index, before and after ANALYZE', async () => {
    const store = queues();
    await store.create(queue('q'));
    await store.delete('q');
    await client.query(`
      INSERT INTO ${NOTES} SELECT 'q-' || n, now(), CASE WHEN n % 2 = 0 THEN now() END
      FROM generate_series(1, 5000) AS n`);
    await client.query('SET enable_seqscan = off');
    const recording = new RecordingDatabase(client);
    const records = new DeletionRecords({ db: recording.asDatabase() });
    const created = (await store.create(queue('q-1'))).createdAt;
    await records.has('q-1', created);
    await records.done('q-1', created);
    await records.deleting((text) => recording.asDatabase().write({ text, values: ['q-1', null] }));
    expect(recording.statements).toHaveLength(3);
    for (const analyzed of [false, true]) {
      if (analyzed) await client.query(`ANALYZE ${NOTES}`);
      for (const statement of recording.statements) {
        for (const mode of ['custom', 'generic'] as const) {
          const plan = await explain(client, statement, mode);
          const kinds = stepsOf(plan).map((step) => step['Node Type']);
          expect(kinds, draw(plan)).not.toEqual(
            expect.arrayContaining([expect.stringMatching(/Seq Scan|Sort/)]),
          );
        }
      }
    }
  });
});
