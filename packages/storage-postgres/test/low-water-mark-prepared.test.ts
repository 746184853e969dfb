import type { PartitionStore } from '@querator/core';
import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HOUR, item } from './support/contents.ts';
import { insertByHand, MarkedInstance } from './support/marked-instance.ts';
import { testBackend } from './support/test-backend.ts';

/** Enough for a snapshot after each lease. */
const BATCH = 1_000;

describe('the low-water mark and a producer with a prepared transaction', { timeout: 60_000 }, () => {
  let cluster: Cluster;
  let backend: ReturnType<typeof testBackend>;
  let producer: pg.Client;
  let tests = 0;
  let key: { readonly queue: string; readonly partition: number };
  let store: PartitionStore;
  let instance: MarkedInstance;

  beforeAll(async () => {
    cluster = await startTemporaryCluster({ volatile: true, settings: { max_prepared_transactions: '5' } });
    backend = testBackend(cluster.connectionString());
  }, 60_000);
  afterAll(async () => {
    await backend.close();
    await cluster.stop();
  });
  beforeEach(async () => {
    producer = new pg.Client(cluster.connectionString());
    // When the server is stopped under it.
    producer.on('error', () => {});
    await producer.connect();
    key = { queue: `prepared-${tests++}`, partition: 0 };
    store = backend.partitionStore(key);
    await store.stats();
    instance = new MarkedInstance(cluster.connectionString(), key);
  });
  afterEach(async () => {
    await instance.close();
    await producer.end();
  });

  /** Leases that empty the partition step by step, with a snapshot after each. */
  const leaseAndLook = async (times: number) => {
    for (let n = 0; n < times; n++) {
      await store.produce([{ items: Array.from({ length: BATCH }, () => item('early')) }], HOUR);
      expect(await instance.lease(BATCH)).toHaveLength(BATCH);
    }
  };

  async function insert(): Promise<string> {
    await producer.query('BEGIN');
    const { rows } = await producer.query<{ id: string }>(insertByHand(key));
    return rows[0]?.id ?? '';
  }

  /** The item is leased before everything that was produced after it, and once. */
  async function expectNext(id: string): Promise<void> {
    expect(instance.mark <= id).toBe(true);
    await store.produce([{ items: [item('after')] }], HOUR);
    const items = await instance.lease(BATCH);
    expect(items.map(({ id, reference }) => [id, reference])).toEqual([
      [id, 'by hand'],
      [expect.any(String), 'after'],
    ]);
  }

  test('does not pass its items while it is prepared', async () => {
    await leaseAndLook(6);
    const late = await insert();
    await producer.query(`PREPARE TRANSACTION 'slow'`);
    await leaseAndLook(20);
    await producer.query(`COMMIT PREPARED 'slow'`);
    await expectNext(late);
  });

  test('does not pass its items if checks saw it write and then prepare', async () => {
    await leaseAndLook(6);
    const late = await insert();
    await leaseAndLook(4);
    await producer.query(`PREPARE TRANSACTION 'slow'`);
    await leaseAndLook(20);
    await producer.query(`COMMIT PREPARED 'slow'`);
    await expectNext(late);
  });

  test('does not pass its items after a restart of the server, which renames the transaction', async () => {
    await leaseAndLook(6);
    const late = await insert();
    await producer.query(`PREPARE TRANSACTION 'slow'`);
    await leaseAndLook(4);
    const before = instance.mark;
    await cluster.halt();
    await cluster.start();
    await leaseAndLook(20);
    // No call has failed. A failure would discard the mark, and the test would prove nothing.
    expect(before !== '' && instance.mark >= before).toBe(true);
    const admin = new pg.Client(cluster.connectionString());
    await admin.connect();
    await admin.query(`COMMIT PREPARED 'slow'`);
    await admin.end();
    await expectNext(late);
  });

  test('advances once the transaction has ended, by commit or rollback', async () => {
    await leaseAndLook(6);
    await insert();
    await leaseAndLook(4);
    await producer.query(`PREPARE TRANSACTION 'slow'`);
    await leaseAndLook(4);
    const before = instance.mark;
    await producer.query(`ROLLBACK PREPARED 'slow'`);
    await leaseAndLook(8);
    expect(instance.mark > before).toBe(true);
    const beyond = await store.list({ state: 'queued', pivot: instance.mark, limit: 30 * BATCH });
    expect(beyond.length).toBeLessThan(6 * BATCH);
  });
});
