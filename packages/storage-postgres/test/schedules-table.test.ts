import { LIMITS, milliseconds, type NewSchedule, type Queue, type ScheduleState } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sessionOptions } from '../src/connection/session-options.ts';
import { claimIn } from '../src/schedules/schedule-statements.ts';
import { parseConnectionString } from '../src/settings/connection-string.ts';
import { DEFAULT_TIME_LIMITS } from '../src/settings/time-limits.ts';
import { HOUR } from './support/contents.ts';
import { draw, explain, stepsOf } from './support/explain.ts';
import { testBackend } from './support/test-backend.ts';

const TABLES = { schedules: 'querator_schedules', queues: 'querator_queues' };
const NEVER: ScheduleState = {
  ...{ dueAt: undefined, backlog: undefined, firedAt: undefined, fired: 0, missed: 0, failure: undefined },
};

describe('the table of schedules', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let admin: pg.Client;
  let backend: ReturnType<typeof testBackend>;
  let queue: Queue;
  beforeAll(async () => {
    database = await createTestDatabase();
    const target = parseConnectionString(database.connectionString);
    admin = new pg.Client(sessionOptions(target, DEFAULT_TIME_LIMITS));
    await admin.connect();
    backend = testBackend(database.connectionString);
    queue = await backend.queueStore().create({
      ...{ name: 'q', namespace: 'n', leaseTimeout: HOUR, expireTimeout: HOUR, deadQueue: '' },
      ...{ maxAttempts: 0, reference: '', requestedPartitions: 1, partitions: [] },
    });
  });
  afterAll(async () => {
    await backend.close();
    await admin.end();
    await database.drop();
  });
  beforeEach(async () => void (await admin.query('DROP TABLE IF EXISTS querator_schedules')));

  const schedule = (name: string): NewSchedule => ({
    ...{ id: name, namespace: 'n', name, queueName: 'q', queueCreatedAt: queue.createdAt },
    ...{ cron: '* * * * *', timeZone: 'UTC', missed: 'one', until: undefined, createdBy: '' },
    item: { encoding: '', kind: '', reference: '', payload: new Uint8Array() },
  });
  const exists = async () => {
    const { rows } = await admin.query("SELECT to_regclass('querator_schedules') IS NOT NULL AS exists");
    return rows[0].exists;
  };
  const look = () => backend.scheduleStore().claim({ limit: 10, timeout: milliseconds(30_000) });
  const everything = { namespace: 'n', queueName: undefined, pivot: '', limit: 10 };

  test('is created with the first schedule, and not by a look for what is due', async () => {
    const store = backend.scheduleStore();
    expect(await look()).toEqual({ claimed: [], nextMs: undefined });
    expect(await store.list(everything)).toEqual([]);
    expect(await store.delete('n', 'a')).toBe(false);
    expect(await store.update('n', 'a', (stored) => stored)).toBeUndefined();
    expect(await exists()).toBe(false);
    await store.create(schedule('a'), () => NEVER);
    expect(await exists()).toBe(true);
  });

  test('is created once when several processes add schedules at the same moment', async () => {
    const others = Array.from({ length: 4 }, () => testBackend(database.connectionString, { maxConns: 1 }));
    await Promise.all(
      others.map((each, number) => each.scheduleStore().create(schedule(`s-${number}`), () => NEVER)),
    );
    expect(await look()).toEqual({ claimed: [], nextMs: undefined });
    expect(await backend.scheduleStore().list(everything)).toHaveLength(4);
    for (const each of others) await each.close();
  });

  test('is read by the clock of the database', async () => {
    const store = backend.scheduleStore();
    const before = Date.now();
    const created = await store.create(schedule('a'), (now) => ({ ...NEVER, dueAt: now }));
    expect(Math.abs(Number(created.createdAt / 1_000n) - before)).toBeLessThan(60_000);
    const { claimed } = await look();
    expect(claimed.map(({ schedule: { name } }) => name)).toEqual(['a']);
    const { nextMs = 0 } = await look();
    expect(nextMs).toBeGreaterThan(20_000);
    await admin.query(`UPDATE querator_schedules SET look_at = look_at - interval '31 seconds'`);
    expect((await look()).claimed).toHaveLength(1);
  });

  /** Adds schedules, one due every second from now on. */
  const addMany = (count: number, namespace: string) =>
    admin.query(
      `INSERT INTO querator_schedules (id, namespace, name, queue_name, queue_created_at, look_at, claim,
         settings, state, created_at, updated_at)
       SELECT $2::text || n, $2::text, 'many-' || n, 'q', (SELECT created_at FROM querator_queues WHERE name = 'q'),
         now() + n * interval '1 second', 0, settings, state, now(), now()
       FROM querator_schedules, generate_series(1, $1::int) AS n WHERE id = 'a'`,
      [count, namespace],
    );

  test('has at most 1,000 schedules of a namespace, without those whose queues are gone', async () => {
    const store = backend.scheduleStore();
    await store.create(schedule('a'), () => NEVER);
    await addMany(LIMITS.schedules - 2, 'n');
    await store.create(schedule('last'), () => NEVER);
    await expect(store.create(schedule('more'), () => NEVER)).rejects.toMatchObject({
      code: 'failed',
      reason: 'over_limit',
      message: "namespace 'n' has too many schedules; 1000 is the most",
    });
    await admin.query(`UPDATE querator_schedules SET queue_created_at = now() WHERE id = 'n7'`);
    await store.create(schedule('more'), () => NEVER);
  });

  // Every process sends it every 30 s, however many schedules there are.
  test('is searched through an index by a look for what is due', async () => {
    await backend.scheduleStore().create(schedule('a'), () => NEVER);
    const statement = { text: claimIn(TABLES), values: [10, '00:00:30', null] };
    for (const state of ['empty', 'full', 'analyzed'] as const) {
      if (state === 'full') for (let n = 0; n < 20; n++) await addMany(500, `namespace-${n}-`);
      if (state === 'analyzed') await admin.query('ANALYZE querator_schedules');
      const plan = await explain(admin, statement, 'generic');
      const scanned = stepsOf(plan).filter((step) => step['Relation Name'] === 'querator_schedules');
      const scans = scanned.map((step) => `${step['Node Type']} by ${step['Index Name']}`);
      expect(scans, draw(plan)).toContain('Index Scan by querator_schedules_due');
      if (state === 'analyzed') expect(draw(plan)).not.toMatch(/Seq Scan on querator_schedules/);
    }
  });
});
