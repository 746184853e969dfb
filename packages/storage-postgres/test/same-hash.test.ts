import { OtherQueueError, parseDuration } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itemsTableName } from '../src/index.ts';
import { HOUR, item } from './support/contents.ts';
import { FIRST_VERSION_TABLES } from './support/first-version.ts';
import { testBackend } from './support/test-backend.ts';

/** The first 12 digits of their MD5 are the same. */
const [ONE, OTHER] = ['q-5507462', 'q-29312359'] as const;

const queue = (name: string) => ({
  ...{ name, namespace: '', deadQueue: '', maxAttempts: 0, reference: '', requestedPartitions: 1 },
  leaseTimeout: parseDuration('1m'),
  expireTimeout: parseDuration('1h'),
  partitions: [{ partition: 0, storageName: 'postgres-01' }],
});

describe('two queues with the same hash', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let backend: ReturnType<typeof testBackend>;

  beforeEach(async () => {
    database = await createTestDatabase();
    backend = testBackend(database.connectionString);
    client = new pg.Client(database.connectionString);
    await client.connect();
  });
  afterEach(async () => {
    await backend.close();
    await client.end();
    await database.drop();
  });

  test('have one table name', () => {
    const [one, other] = [ONE, OTHER].map((name) => itemsTableName({ queue: name, partition: 0 }));
    expect(one).toBe(other);
  });

  test('are not stored together, even if both are created at once', async () => {
    const store = backend.queueStore();
    const outcomes = await Promise.allSettled([store.create(queue(ONE)), store.create(queue(OTHER))]);
    const refused = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(refused?.reason).toMatchObject({ name: 'QueueError', code: 'invalid' });
    expect(refused?.reason.message).toMatch(
      /^invalid queue; 'q-\d+' cannot be stored beside 'q-\d+', as their tables would have the same name$/,
    );
    await expect(store.create(queue(ONE))).rejects.toThrow();
  });

  test('are not named together to a caller who may not list the other one', async () => {
    const store = backend.queueStore();
    await store.create(queue(ONE));
    const error: unknown = await store.create(queue(OTHER)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OtherQueueError);
    expect((error as OtherQueueError).otherQueue).toBe(ONE);
    expect((error as OtherQueueError).withoutName().message).toBe(
      `invalid queue; '${OTHER}' cannot be stored beside another queue, as their tables would have the same name`,
    );
  });

  test('can be created one after the other, once the first is deleted', async () => {
    const store = backend.queueStore();
    await store.create(queue(ONE));
    await store.delete(ONE);
    expect((await store.create(queue(OTHER))).name).toBe(OTHER);
  });

  test('never use or drop the table of the other', async () => {
    const one = backend.partitionStore({ queue: ONE, partition: 0 });
    const other = backend.partitionStore({ queue: OTHER, partition: 0 });
    await one.produce([{ items: [item('kept')] }], HOUR);
    const reason = `belongs to queue '${ONE}', partition 0; the name of queue '${OTHER}' has the same hash`;
    await expect(other.lease({ limit: 1, leaseTimeout: HOUR })).rejects.toThrow(reason);
    await expect(other.drop()).rejects.toThrow(reason);
    expect((await one.stats()).waiting).toBe(1);
  });

  test('block the migration of a database of the first version until one of them is deleted', async () => {
    for (const text of FIRST_VERSION_TABLES.slice(0, 4)) await client.query(text);
    for (const name of [ONE, OTHER]) {
      await client.query(
        `INSERT INTO querator_queues VALUES ($1, '', 1, 1, '', 0, '', 1, '[]', now(), now())`,
        [name],
      );
    }
    await expect(backend.queueStore().get(ONE)).rejects.toThrow(
      `queues '${OTHER}' and '${ONE}' share their tables, as their names have the same hash; delete all but one`,
    );
    await client.query('DELETE FROM querator_queues WHERE name = $1', [OTHER]);
    expect((await backend.queueStore().get(ONE))?.name).toBe(ONE);
    const { rows } = await client.query('SELECT version FROM querator_schema ORDER BY version');
    expect(rows.map(({ version }) => version)).toEqual([1, 2]);
  });
});
