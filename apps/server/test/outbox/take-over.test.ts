import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { itemsTableName } from '@querator/storage-postgres';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunningServer } from '../../src/index.ts';
import { ServerProgram } from '../support/server-program.ts';
import { Application, Caller, PLACES } from './support/outbox-fixture.ts';

const QUEUE = 'orders';
const ITEMS = itemsTableName({ queue: QUEUE, partition: 0 });
const WAITING = `FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'`;

/** Where the relay is when it is killed: a lock of the test holds up one of its statements, which then ends so or so. */
const STEPS = [
  {
    step: 'before it has begun a batch',
    lock: 'SELECT FROM querator_outbox.settings FOR UPDATE',
    fate: 'still takes effect',
  },
  { step: 'before the items are stored', lock: `LOCK TABLE ${ITEMS} IN EXCLUSIVE MODE`, fate: 'is undone' },
  {
    step: 'before the items are stored',
    lock: `LOCK TABLE ${ITEMS} IN EXCLUSIVE MODE`,
    fate: 'still takes effect',
  },
  {
    step: 'before the rows are removed',
    lock: 'SELECT FROM querator_outbox.outbox FOR KEY SHARE',
    fate: 'is undone',
  },
] as const;

describe.each(PLACES)('a relay that is killed, with the queue %s', { timeout: 60_000 }, (place) => {
  const isOther = place === 'in another database';
  let application: Application;
  let other: TestDatabase | undefined;
  let folder: string;
  let victim: ServerProgram;
  let survivor: RunningServer;
  let caller: Caller;
  let locker: pg.Client;

  beforeEach(async () => {
    application = await Application.create();
    other = isOther ? await createTestDatabase() : undefined;
    const options = { storage: other?.connectionString };
    folder = mkdtempSync(join(tmpdir(), 'querator-outbox-'));
    writeFileSync(join(folder, 'querator.yaml'), application.configText(options));
    victim = new ServerProgram(['--config', join(folder, 'querator.yaml')]);
    await victim.untilLogged('relay holds the outbox');
    survivor = await application.start(options);
    caller = new Caller(survivor);
    await caller.create(QUEUE);
    await application.enqueue(QUEUE, 'first');
    expect(await caller.texts(QUEUE, 1)).toEqual(['first']);
    await expect.poll(() => application.rows()).toBe(0);
  }, 60_000);
  afterEach(async () => {
    victim.child.kill('SIGKILL');
    await survivor?.stop();
    await locker.end();
    await application.drop();
    await other?.drop();
    rmSync(folder, { recursive: true });
  });

  // In the same database only one statement moves rows.
  test.each(STEPS.filter(({ step }) => isOther || step === 'before the items are stored'))(
    '$step: another goes on, and the last statement $fate',
    async ({ lock, fate }) => {
      const locked = lock.includes(ITEMS) && other !== undefined ? other : application.database;
      locker = new pg.Client(locked.connectionString);
      await locker.connect();
      await locker.query('BEGIN');
      if (lock.includes('outbox.outbox')) {
        // The rows have to be there before they can be locked, and a batch cannot begin before that.
        await application.client.query('BEGIN; LOCK TABLE querator_outbox.batches');
        const before = await Application.connect(application);
        await before.query(
          `SELECT querator_outbox.enqueue('${QUEUE}', n::text::bytea) FROM generate_series(1, 3) AS n`,
        );
        await before.end();
      } else {
        await application.client.query('BEGIN');
        await application.enqueue(QUEUE, '1', '2', '3');
      }
      await locker.query(lock);
      await application.client.query('COMMIT');

      const waiting = async () =>
        (await application.client.query(`SELECT pid ${WAITING}`, [locked.name])).rows.length;
      await expect.poll(waiting, { timeout: 10_000 }).toBeGreaterThan(0);
      victim.child.kill('SIGKILL');
      await victim.ended();
      if (fate === 'is undone') {
        await application.client.query(`SELECT pg_terminate_backend(pid) ${WAITING}`, [locked.name]);
      }
      await locker.query('ROLLBACK');

      expect(await caller.texts(QUEUE, 3)).toEqual(['1', '2', '3']);
      await application.enqueue(QUEUE, '4');
      expect(await caller.texts(QUEUE, 1)).toEqual(['4']);
      await expect.poll(() => application.rows()).toBe(0);
      expect(await caller.held(QUEUE)).toBe(5);
      expect(await application.faults()).toEqual([]);
    },
  );
});
