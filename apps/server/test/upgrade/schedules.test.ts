import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ServerProcesses } from '../instances/support/server-processes.ts';
import { readReply } from '../support/test-server.ts';

const OLDER_MAIN = process.env['QUERATOR_OLDER_MAIN'];
/** More than a busy machine needs. */
const PATIENCE = { timeout: 20_000, interval: 50 };
/** The server of this version, and that of the earlier one. */
const [NEWER, OLDER] = [0, 1];
const SCHEDULE = {
  ...{ name: 's', queue_name: 'q', cron: '0 0 1 1 *', time_zone: 'UTC', missed: 'one' },
  item: { utf8: 'tick' },
};

/** The earlier version knows no schedules. */
describe('schedules beside a server of an earlier version', { timeout: 180_000 }, () => {
  let both: ServerProcesses;
  let admin: pg.Client;

  beforeAll(async () => {
    both = await ServerProcesses.start({ count: 2, main: OLDER_MAIN });
    await both.terminate(NEWER);
    await both.startOne(NEWER);
    admin = new pg.Client(both.database.connectionString);
    await admin.connect();
  }, 120_000);
  afterAll(async () => {
    await admin?.end();
    await both?.stop();
  });

  async function post(verb: string, body: object) {
    const url = `${both.urlOf(NEWER)}/v2/schedules.${verb}`;
    const headers = { 'Content-Type': 'application/json' };
    const reply = await readReply(await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) }));
    expect(reply, reply.text).toMatchObject({ status: 200 });
    return reply.json;
  }

  /** Makes a time of the past due, and wakes the newer server. @param yearsAgo another one for each firing. */
  async function fire(yearsAgo: number) {
    await admin.query(
      `UPDATE querator_schedules SET look_at = now(), state = (state::jsonb || jsonb_build_object('dueAt',
         (extract(epoch from date_trunc('year', now()) - $1 * interval '1 year') * 1e6)::bigint::text))::text`,
      [yearsAgo],
    );
    await post('resume', { name: 'other' });
  }

  /** Leases at the older server until nothing waits. */
  async function consumed(): Promise<number> {
    const lease = { queue_name: 'q', client_id: 'c', batch_size: 10, request_timeout: '1s' };
    for (let count = 0; ; ) {
      const reply = await both.post(OLDER, 'queue.lease', lease);
      if (reply?.status === 454) return count;
      expect(reply).toMatchObject({ status: 200 });
      const ids = reply?.json.items.map(({ id }: { readonly id: string }) => id);
      count += ids.length;
      const partition = reply?.json.partition;
      await both.ask(OLDER, 'queue.complete', { queue_name: 'q', partition, request_timeout: '5s', ids });
    }
  }

  test('fire each time once, into a queue that the older one created and serves', async () => {
    await both.create(OLDER, 'q');
    await both.create(OLDER, 'p');
    await post('create', SCHEDULE);
    // Wakes the server when it is changed.
    await post('create', { ...SCHEDULE, name: 'other', queue_name: 'p' });
    for (const [n, yearsAgo] of [1, 2, 3].entries()) {
      await fire(yearsAgo);
      await vi.waitFor(async () => {
        const { rows } = await admin.query(`SELECT state::jsonb ->> 'fired' AS fired FROM querator_schedules
          WHERE name = 's'`);
        expect(Number(rows[0].fired)).toBe(n + 1);
      }, PATIENCE);
    }
    expect(await consumed()).toBe(3);
    expect((await post('list', { queue_name: 'q' })).items).toMatchObject([{ name: 's' }]);
  });

  test('end with a queue that the older one deletes, and leave a new one of its name alone', async () => {
    await both.ask(OLDER, 'queues.delete', { queue_name: 'q', force: true });
    await both.create(OLDER, 'q');
    expect((await post('list', { queue_name: 'q' })).items ?? []).toEqual([]);
    await fire(4);
    await vi.waitFor(async () => {
      const { rows } = await admin.query(`SELECT 1 FROM querator_schedules WHERE name = 's'`);
      expect(rows).toEqual([]);
    }, PATIENCE);
    expect(await consumed()).toBe(0);
  });
});
