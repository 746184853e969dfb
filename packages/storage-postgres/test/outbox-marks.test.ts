import { SystemRandom } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { installSql } from '@querator/outbox';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PoolRegistry, postgresOutbox } from '../src/index.ts';

const LIMITS = { rows: 1_000, bytes: 1_000_000 };
/** More than what makes a check worth its time. */
const MANY = 1_000;
const TOKEN = 'relay';

describe('the low-water marks of an outbox', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let slow: pg.Client;
  let clock: ManualClock;
  let outbox: ReturnType<typeof postgresOutbox>;

  beforeEach(async () => {
    database = await createTestDatabase();
    const { connectionString } = database;
    [client, slow] = [new pg.Client(connectionString), new pg.Client(connectionString)];
    await Promise.all([client.connect(), slow.connect()]);
    await client.query(installSql());
    clock = new ManualClock();
    outbox = start();
    await outbox.hold({ token: TOKEN, server: 'server' });
  });
  afterEach(async () => {
    await Promise.all([outbox.close(), client.end(), slow.end()]);
    await database.drop();
  });

  function start() {
    const registry = new PoolRegistry();
    const { connectionString } = database;
    return postgresOutbox({
      ...{ connectionString, schema: 'querator_outbox', registry, random: new SystemRandom(), clock },
    });
  }

  async function enqueue(queue: string, count: number, by = client): Promise<string> {
    const { rows } = await by.query(
      `SELECT max(querator_outbox.enqueue($1, 'x'))::text AS last FROM generate_series(1, $2)`,
      [queue, count],
    );
    return rows[0].last;
  }

  /** One poll: the queues with rows, whose first rows move. @returns the ids of these, by queue. */
  async function poll(): Promise<ReadonlyMap<string, readonly string[]>> {
    await clock.advance('100ms');
    const moved = new Map<string, readonly string[]>();
    for (const { queue } of await outbox.queues('', 1_000)) {
      const { rows, drops } = await outbox.rows(queue, LIMITS);
      const ids = rows.map(({ id }) => id);
      moved.set(queue, ids);
      const batch = await outbox.beginBatch(queue, { ids, drops, token: TOKEN });
      if (batch !== undefined) await outbox.endBatch(batch);
    }
    return moved;
  }

  /** Moves many rows of a queue, and lets the checks come to an end. */
  async function moveMany(queue: string): Promise<void> {
    await enqueue(queue, MANY);
    for (let n = 0; n < 6; n++) await poll();
  }

  /** The entries of the primary key that one idle poll reads. */
  async function entriesRead(): Promise<number> {
    const before = await total();
    for (let n = 0; n < 50; n++) await outbox.queues('', 1_000);
    await outbox.close();
    let [read, last] = [-1, -2];
    await expect
      .poll(
        async () => {
          last = read;
          read = (await total()) - before;
          return read === last;
        },
        { timeout: 20_000, interval: 300 },
      )
      .toBe(true);
    return read / 50;
  }

  async function total(): Promise<number> {
    await client.query('SELECT pg_stat_clear_snapshot()');
    const { rows } = await client.query(
      `SELECT idx_tup_read AS read FROM pg_stat_user_indexes WHERE indexrelname = 'outbox_pkey'`,
    );
    return Number(rows[0]?.read ?? 0);
  }

  test('save polls the dead entries that an open transaction keeps', async () => {
    await slow.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await slow.query('SELECT count(*) FROM querator_outbox.settings');
    for (let n = 0; n < 4; n++) await moveMany('orders');
    await moveMany('Ärger');
    expect(await entriesRead()).toBeLessThan(2 * MANY);
  });

  test('do not pass a row that commits late', async () => {
    await slow.query('BEGIN');
    const late = await enqueue('orders', 1, slow);
    for (let n = 0; n < 3; n++) await moveMany('orders');
    await slow.query('COMMIT');
    expect(await poll()).toEqual(new Map([['orders', [late]]]));
  });

  test('do not pass a row whose transaction began after others had moved', async () => {
    await moveMany('orders');
    await slow.query('BEGIN');
    const late = await enqueue('orders', 1, slow);
    await enqueue('orders', MANY);
    for (let n = 0; n < 6; n++) await poll();
    expect(await poll()).toEqual(new Map());
    await slow.query('COMMIT');
    expect(await poll()).toEqual(new Map([['orders', [late]]]));
  });

  test('pass the ids of a transaction that rolled back', async () => {
    await slow.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await slow.query('SELECT count(*) FROM querator_outbox.settings');
    await client.query('BEGIN');
    await enqueue('orders', 3);
    await client.query('ROLLBACK');
    for (let n = 0; n < 3; n++) await moveMany('orders');
    expect(await entriesRead()).toBeLessThan(MANY);
  });

  test('stay before a row that is not moved yet, and pass it once it is', async () => {
    await moveMany('orders');
    await enqueue('orders', MANY);
    const { rows } = await outbox.rows('orders', LIMITS);
    const stuck = await enqueue('stuck', 1);
    const fault = { queue: 'stuck', rowId: stuck, code: 'queue_paused', reason: 'r', retryAfterMs: 0 };
    await outbox.fail(fault, TOKEN);
    for (let n = 0; n < 6; n++) {
      await clock.advance('100ms');
      expect((await outbox.queues('', 10)).map(({ queue }) => queue)).toEqual(['orders', 'stuck']);
      expect((await outbox.rows('orders', LIMITS)).rows).toEqual(rows);
    }
    const moved = await poll();
    expect(moved.get('stuck')).toEqual([stuck]);
    expect(moved.get('orders')).toEqual(rows.map(({ id }) => id));
  });

  test('hide no queue, wherever its name is among theirs', async () => {
    await moveMany('b');
    await moveMany('d');
    const names = ['a', 'b', 'c', 'd', 'e', 'é'];
    for (const name of names) await enqueue(name, 1);
    const found = await outbox.queues('', 10);
    expect(found.map(({ queue }) => queue)).toEqual(names);
    expect(found[1]).toEqual({ queue: 'b', hasBatch: false, hasFault: false, mayGo: true });
    expect((await outbox.queues('', 2)).map(({ queue }) => queue)).toEqual(['a', 'b']);
    expect((await outbox.queues('b', 3)).map(({ queue }) => queue)).toEqual(['c', 'd', 'e']);
    expect((await outbox.queues('bb', 2)).map(({ queue }) => queue)).toEqual(['c', 'd']);
  });

  test('find a row below them within seconds, after ids came in another order', async () => {
    await moveMany('orders');
    await client.query(
      `INSERT INTO querator_outbox.outbox (id, queue, payload) OVERRIDING SYSTEM VALUE VALUES (7, 'orders', 'x')`,
    );
    expect(await poll()).toEqual(new Map());
    await clock.advance('6s');
    await outbox.queues('', 10);
    await expect.poll(poll).toEqual(new Map([['orders', ['7']]]));
  });

  test('are forgotten with a failure: another server may have given ids again', async () => {
    await moveMany('orders');
    await client.query(
      `INSERT INTO querator_outbox.outbox (id, queue, payload) OVERRIDING SYSTEM VALUE VALUES (7, 'orders', 'x')`,
    );
    expect(await poll()).toEqual(new Map());
    await client.query('ALTER TABLE querator_outbox.faults RENAME TO gone');
    await expect(outbox.queues('', 10)).rejects.toThrow();
    await client.query('ALTER TABLE querator_outbox.gone RENAME TO faults');
    expect(await poll()).toEqual(new Map([['orders', ['7']]]));
  });
});
