import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readReply } from '../support/test-server.ts';
import { ServerProcesses } from './support/server-processes.ts';

/** More than a busy machine needs. */
const PATIENCE = { timeout: 20_000, interval: 20 };
const SCHEDULE = {
  ...{ name: 's', queue_name: 'q', cron: '0 0 1 1 *', time_zone: 'UTC', missed: 'one' },
  item: { utf8: 'tick' },
};

describe('schedules of two instances', { timeout: 120_000 }, () => {
  let both: ServerProcesses;
  let admin: pg.Client;
  let other: pg.Client;
  let items = '';
  beforeAll(async () => {
    both = await ServerProcesses.start({ count: 2 });
    [admin, other] = [both.database, both.database].map(
      ({ connectionString }) => new pg.Client(connectionString),
    ) as [pg.Client, pg.Client];
    await Promise.all([admin.connect(), other.connect()]);
    await both.create(0, 'q');
    await post(0, 'create', SCHEDULE);
    // Wakes the servers when it is changed.
    await post(0, 'create', { ...SCHEDULE, name: 'other' });
    for (const instance of [0, 1]) await both.ask(instance, 'queue.stats', { queue_name: 'q' });
    items = await one(`SELECT tablename AS value FROM pg_tables WHERE tablename LIKE 'items_%'`);
    // The table of keys is made now, and not while a test holds locks.
    await fire();
    await vi.waitFor(async () => expect(await state()).toMatchObject({ fired: 1 }), PATIENCE);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([admin?.end(), other?.end()]);
    await both?.stop();
  });

  async function post(instance: number, verb: string, body: object) {
    const url = `${both.urlOf(instance)}/v2/schedules.${verb}`;
    const headers = { 'Content-Type': 'application/json' };
    const reply = await readReply(await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }));
    expect(reply, reply.text).toMatchObject({ status: 200 });
    return reply.json;
  }

  async function one(text: string) {
    const { rows } = await admin.query(text);
    return rows[0]?.value;
  }

  const state = async () =>
    JSON.parse(await one(`SELECT state AS value FROM querator_schedules WHERE name = 's'`));
  const stored = () => one(`SELECT count(*)::int AS value FROM ${items}`);
  const wake = (instance: number) => post(instance, 'resume', { name: 'other' });

  /** Makes a time of the past due, which was never due before, and wakes both servers. */
  async function fire(instance = 0) {
    await admin.query(
      `UPDATE querator_schedules SET look_at = now(), state = (state::jsonb || jsonb_build_object('dueAt',
         (extract(epoch from date_trunc('year', now()) - claim * interval '1 second') * 1e6)::bigint::text))::text
       WHERE name = 's'`,
    );
    await wake(instance);
  }

  /** The process whose statement waits for a lock. Ends its session, as the kill of the process does sooner or later. */
  async function victim(): Promise<number> {
    const name = await vi.waitFor(async () => {
      const found = await one(
        `SELECT application_name AS value FROM pg_stat_activity
         WHERE wait_event_type = 'Lock' AND application_name LIKE 'instance-%'`,
      );
      expect(found).toBeDefined();
      return found as string;
    }, PATIENCE);
    return Number(name.replace('instance-', ''));
  }

  /** Kills a server between two statements. The other server goes on from there. */
  async function killFiring(instance: number) {
    await both.kill(instance);
    await admin.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'instance-${instance}'`,
    );
    for (const client of [admin, other]) await client.query('ROLLBACK');
    // As if the claim had ended.
    await admin.query(`UPDATE querator_schedules SET look_at = now() WHERE name = 's'`);
    await wake(1 - instance);
  }

  test.each([
    { when: 'before its item is stored', isStored: false },
    { when: 'after its item is stored, and before the row moves on', isStored: true },
  ])('one that is killed at a firing, $when, leaves exactly one item', async ({ isStored }) => {
    const [items_, { fired }] = [await stored(), await state()];
    await other.query(`BEGIN; LOCK TABLE ${items} IN EXCLUSIVE MODE`);
    await fire();
    const instance = await victim();
    if (isStored) {
      await admin.query(`BEGIN; SELECT FROM querator_schedules WHERE name = 's' FOR UPDATE`);
      await other.query('ROLLBACK');
      await vi.waitFor(async () => expect(await stored()).toBe(items_ + 1), PATIENCE);
      await vi.waitFor(async () => expect(await victim()).toBe(instance), PATIENCE);
    }
    await killFiring(instance);
    await vi.waitFor(async () => expect(await state()).toMatchObject({ fired: fired + 1 }), PATIENCE);
    expect(await stored()).toBe(items_ + 1);
    if (!isStored) await both.startOne(instance);
  });
});
