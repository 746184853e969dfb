import { SystemClock, SystemRandom } from '@querator/core';
import { FaultyStorage } from '@querator/core/testing';
import { createService, type Service } from '@querator/engine';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

const PATIENCE = { timeout: 20_000, interval: 20 };

/** A service on the database, like that of another process, whose calls a test can hold back. */
class Process {
  readonly storage: FaultyStorage;
  readonly service: Service;

  constructor(connectionString: string) {
    const random = new SystemRandom();
    const registry = new PoolRegistry();
    this.storage = new FaultyStorage(
      postgresBackend({ name: 'pg', connectionString, random, registry, maxConns: 4 }),
    );
    this.service = createService({
      ...{ clock: new SystemClock(), random, queueStore: this.storage.queueStore() },
      storages: [{ backend: this.storage, affinity: 1 }],
    });
  }

  create = (requestedPartitions = 1) =>
    this.service.queues.create({
      ...{ queueName: 'mail', namespace: '', leaseTimeout: '1m', expireTimeout: '1h', deadQueue: '' },
      ...{ maxAttempts: 0, reference: '', requestedPartitions },
    });

  produce = (text: string) =>
    this.service.queue.produce({
      ...{ queueName: 'mail', requestTimeout: '20s' },
      items: [{ encoding: '', kind: '', reference: text, payload: new Uint8Array() }],
    });

  async lease(): Promise<string[]> {
    const { items } = await this.service.queue.lease({
      ...{ queueName: 'mail', requestTimeout: '20s', batchSize: 10, clientId: 'c' },
    });
    return items.map(({ reference }) => reference);
  }

  async end(): Promise<void> {
    await this.service.shutdown();
    await this.storage.close();
  }
}

describe('a deleted queue on which another process still works', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  const processes: Process[] = [];

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
  });
  afterEach(async () => {
    for (const process of processes.splice(0)) await process.end();
    await client.end();
    await database.drop();
  });

  function start(): Process {
    const process = new Process(database.connectionString);
    processes.push(process);
    return process;
  }
  const tables = async () =>
    (await client.query(`SELECT relname FROM pg_class WHERE relname ~ '^items_' AND relkind = 'r'`)).rowCount;
  const notes = async () =>
    (await client.query('SELECT done_at IS NOT NULL AS done FROM querator_deleted_queues')).rows;

  test('can be created anew, even if the deleting process died in the middle', async () => {
    const [deleting, stale] = [start(), start()];
    await deleting.create();
    await deleting.produce('old');
    await stale.produce('also old');
    // The partitions are gone and the queue is not. The other process creates a partition again, and stores an item.
    const goOn = deleting.storage.holdQueues('delete', 'before');
    const deletion = deleting.service.queues.delete('mail', false).catch(() => {});
    await vi.waitFor(async () => expect(await tables()).toBe(0), PATIENCE);
    await stale.produce('late');
    expect(await tables()).toBe(1);
    // The queue is removed, and the process dies before it drops a partition.
    deleting.storage.cut(0);
    goOn();
    await deletion;
    expect([await tables(), await notes()]).toEqual([1, [{ done: false }]]);
    const next = start();
    await next.create();
    await next.produce('new');
    expect(await next.lease()).toEqual(['new']);
  });

  test('leaves nothing but a record for a day', async () => {
    const [deleting, stale] = [start(), start()];
    await deleting.create();
    await stale.produce('old');
    await deleting.service.queues.delete('mail', false);
    expect([await tables(), await notes()]).toEqual([0, [{ done: true }]]);
    await deleting.create();
    await vi.waitFor(() => stale.produce('new'), PATIENCE);
    expect((await deleting.lease()).at(-1)).toBe('new');
  });
});

test.each([
  ['that is spared if it holds items', { onlyEmpty: true }],
  ['that counts its items for the audit', { audit: { add: () => {}, storedEvent: undefined } }],
])(
  'a deletion %s creates no tables for a queue that no call has used',
  { timeout: 60_000 },
  async (_, options) => {
    const database = await createTestDatabase();
    const client = new pg.Client(database.connectionString);
    await client.connect();
    const process = new Process(database.connectionString);
    try {
      await process.create(4);
      await client.query(`
      CREATE TABLE made (name text);
      CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql
        AS 'BEGIN INSERT INTO public.made SELECT object_identity FROM pg_event_trigger_ddl_commands(); END';
      CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION note()`);
      await process.service.queues.delete('mail', false, options);
      const { rows } = await client.query(`SELECT name FROM made WHERE name ~ 'items_'`);
      expect(rows).toEqual([]);
      await expect(process.service.queues.info('mail')).rejects.toThrow('no such queue');
    } finally {
      await process.end();
      await client.end();
      await database.drop();
    }
  },
);
