import { createClient } from '@querator/client';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { Logger, makeWorkerUtils, type WorkerUtils } from 'graphile-worker';
import pg from 'pg';
import { PgBoss } from 'pg-boss';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startInProcess, Terminal } from '../cli/support/terminal.ts';
import { killAtEveryCall } from './support/killed-fetch.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
const client = createClient({ endpoint: 'http://in.process', fetch });
let database: TestDatabase;
let db: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  db = new pg.Client(database.connectionString);
  await db.connect();
  await server.start();
});
afterAll(async () => {
  await db.end();
  await server.stop();
  await database.drop();
});

const migrate = (system: string, ...argv: readonly string[]) =>
  terminal.run([
    'migrate',
    ...argv,
    '--from',
    `${system}:${database.connectionString}`,
    '--to',
    'http://new',
  ]);

/** The items of a queue by their payloads. */
async function itemsOf(queueName: string) {
  const { items } = await client.v2.items.export({ queueName, limit: 1_000 });
  return items.map((item) => ({ ...item, payload: JSON.parse(Buffer.from(item.payload).toString()) }));
}

describe('the jobs of pg-boss', () => {
  let boss: PgBoss;
  beforeAll(async () => {
    const { connectionString } = database;
    boss = new PgBoss({ connectionString, supervise: false, schedule: false });
    boss.on('error', () => {});
    await boss.start();
    await boss.createQueue('dead');
    await boss.createQueue('mail', {
      deadLetter: 'dead',
      retryLimit: 4,
      expireInSeconds: 120,
      retryBackoff: true,
    });
    await boss.createQueue('once', { policy: 'singleton' });
    await boss.schedule('mail', '0 3 * * *');
    await boss.send('mail', { n: 1 });
    await boss.send('mail', { n: 2 }, { priority: 7 });
    await boss.send('mail', { n: 3 }, { startAfter: 3_600 });
    await boss.send('mail', { n: 4 }, { retryLimit: 9, singletonKey: 'four' });
    // The most important one fails once, the next one is still being worked on, and one is done.
    const [failed] = await boss.fetch<object>('mail');
    await boss.fail('mail', failed?.id ?? '', { reason: 'no route' });
    await db.query(`UPDATE pgboss.job SET start_after = now() WHERE id = $1`, [failed?.id]);
    await boss.send('mail', { n: 5 }, { priority: 99 });
    await boss.fetch('mail');
    await boss.send('mail', { n: 6 }, { priority: 999 });
    const [done] = await boss.fetch<object>('mail');
    await boss.complete('mail', done?.id ?? '');
  });
  afterAll(() => boss.stop({ graceful: false }));

  test('are described by a dry run, which changes nothing', async () => {
    const dry = await migrate('pg-boss', '--dry-run');
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(
      /^QUEUE +WAITING +SCHEDULED +LEASED +STAYING\ndead +0 +0 +0\nmail +3 +1 +1 +1 completed\n/,
    );
    expect(dry.stderr.split('\n')).toEqual(
      expect.arrayContaining([
        "No equivalent in queue 'mail': delay of retries",
        "No equivalent in queue 'mail': 1 cron schedule(s)",
        "No equivalent in queue 'mail': priority, of 2 job(s)",
        "No equivalent in queue 'mail': singleton key, of 1 job(s)",
        "No equivalent in queue 'mail': retry limit of its own, of 1 job(s)",
        "No equivalent in queue 'once': policy 'singleton'",
      ]),
    );
    await expect(client.queues.info({ queueName: 'mail' })).rejects.toThrow('no such queue');
  });

  test('are copied with their states, in the order of pg-boss, and once', async () => {
    const copied = await migrate('pg-boss', 'mail', 'dead');
    expect(copied).toMatchObject({ code: 0 });
    expect(copied.stderr).toMatch(/^Stored 5 job\(s\); 0 were stored before\n/);
    expect(await client.queues.info({ queueName: 'mail' })).toMatchObject({
      ...{ leaseTimeout: '2m0s', deadQueue: 'dead', maxAttempts: 5 },
    });
    const items = await itemsOf('mail');
    expect(items.map(({ payload, state }) => [payload.n, state])).toEqual([
      [5, 'leased'],
      [2, 'waiting'],
      [1, 'waiting'],
      [3, 'scheduled'],
      [4, 'waiting'],
    ]);
    const [active, failed, first, later] = items;
    expect(active).toMatchObject({ attempts: 1, encoding: 'json' });
    expect(failed).toMatchObject({ attempts: 1, maxAttempts: 5, error: '{"reason": "no route"}' });
    const { rows } = await db.query<{ n: number; id: string; start: string; keep: string; ends: string }>(
      `SELECT (data->>'n')::int AS n, id, extract(epoch FROM start_after)::int::text AS start,
        floor(extract(epoch FROM keep_until))::text AS keep,
        floor(extract(epoch FROM started_on + interval '120 s'))::text AS ends FROM pgboss.job WHERE name = 'mail'`,
    );
    const row = (n: number) => rows.find((each) => each.n === n);
    expect(later?.enqueueAt?.seconds).toBeCloseTo(Number(row(3)?.start), -1);
    expect(first?.expireDeadline?.seconds).toBe(Number(row(1)?.keep));
    expect(active?.leaseDeadline?.seconds).toBe(Number(row(5)?.ends));
    expect(first?.metadata.get('pg-boss.id')).toBe(row(1)?.id);
    expect((await migrate('pg-boss', 'mail')).stderr).toMatch(/^Stored 0 job\(s\); 5 were stored before\n/);
  });

  test('are copied once, killed before and after every call', async () => {
    await boss.createQueue('many');
    const jobs = Array.from({ length: 1_100 }, (_, n) => ({ data: { n } }));
    await boss.insert('many', jobs);
    const argv = ['migrate', 'many', '--from', `pg-boss:${database.connectionString}`, '--to', 'http://new'];
    const kills = await killAtEveryCall(fetch, async (kill, at) => {
      const run = terminal.run(argv, { fetch: kill.fetch }).then(() => 'ended' as const);
      const outcome = await Promise.race([kill.killed, run]);
      if (outcome === 'killed') expect((await terminal.run(argv)).code, at).toBe(0);
      const pages = await client.v2.items.summarize({ queueName: 'many', by: 'kind' });
      expect(pages.groups, at).toMatchObject([{ count: 1_100 }]);
      await client.queues.delete({ queueName: 'many', force: true });
      return outcome;
    });
    expect(kills).toBeGreaterThan(5);
  }, 60_000);

  test('of a queue or an address that is not there are an error', async () => {
    const refused = async (code: number, argv: readonly string[], text: string) => {
      const ran = await terminal.run(['migrate', ...argv, '--to', 'http://new']);
      expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(text)]);
    };
    const { connectionString } = database;
    await refused(1, ['none', '--from', `pg-boss:${connectionString}`], "there is no queue 'none'");
    const other = new URL(connectionString);
    other.searchParams.set('schema', 'elsewhere');
    await refused(1, ['--from', `pg-boss:${other.href}`], "schema 'elsewhere' has no table 'queue'");
    await refused(1, ['--from', 'pg-boss:nothing'], 'what follows the name is not a URL');
    await refused(2, ['--from', `pg-boss:${connectionString}`, '--live'], '--live needs a Querator server');
    await refused(
      2,
      ['--from', `pg-boss:${connectionString}`, '--verify'],
      '--verify needs a Querator server',
    );
    await refused(1, ['--from', 'sqs:http://localhost/1/mail'], 'SQS needs AWS_ACCESS_KEY_ID and');
    const bullMq = ['--from', 'bullmq:http://localhost'];
    await refused(1, bullMq, 'the address of Redis begins with redis: or rediss:');
  });
});

describe('the jobs of Graphile Worker', () => {
  let utils: WorkerUtils;
  beforeAll(async () => {
    const { connectionString } = database;
    utils = await makeWorkerUtils({ connectionString, logger: new Logger(() => () => {}) });
    await utils.migrate();
    await utils.addJob('send', { n: 1 });
    await utils.addJob('send', { n: 2 }, { priority: -3, jobKey: 'two', queueName: 'serial' });
    await utils.addJob('send', { n: 3 }, { runAt: new Date('2100-01-01T00:00:00Z'), flags: ['slow'] });
    await utils.addJob('send', { n: 4 }, { maxAttempts: 3 });
    await utils.addJob('send', { n: 5 });
    await utils.addJob('other', { n: 6 });
    const set = (n: number, changes: string) =>
      db.query(`UPDATE graphile_worker._private_jobs SET ${changes} WHERE payload->>'n' = $1`, [String(n)]);
    await set(4, `attempts = 3, last_error = 'gave up'`);
    await set(5, `attempts = 2, last_error = 'once', locked_at = '2026-01-01T00:00:00Z', locked_by = 'w'`);
  });
  afterAll(() => utils.release());

  test('are described by a dry run, which changes nothing', async () => {
    const dry = await migrate('graphile-worker', 'send', '--dry-run', '--json');
    expect(JSON.parse(dry.stdout).queues).toEqual([
      {
        queue: 'send',
        jobs: { waiting: 2, scheduled: 1, leased: 1 },
        staying: { failed: 1 },
        lacks: { 'delay of retries': 0, priority: 1, 'job key': 1, 'named queue': 1, flags: 1 },
        ...{ stored: 0, present: 0 },
      },
    ]);
  });

  test('are copied with their states, in the order of Graphile Worker, and once', async () => {
    const copied = await migrate('graphile-worker');
    expect(copied.stderr).toMatch(/^Stored 5 job\(s\); 0 were stored before\n/);
    const items = await itemsOf('send');
    // The lock of the last one ended long ago.
    const byNumber = new Map(items.map((item) => [item.payload.n, item]));
    expect([...byNumber.keys()].sort()).toEqual([1, 2, 3, 5]);
    expect(items.filter(({ state }) => state === 'waiting').slice(0, 2)).toMatchObject([
      { payload: { n: 2 } },
      { payload: { n: 1 } },
    ]);
    expect(byNumber.get(3)).toMatchObject({ state: 'scheduled', enqueueAt: { seconds: 4_102_444_800 } });
    expect(byNumber.get(5)).toMatchObject({ attempts: 2, maxAttempts: 25, error: 'once' });
    expect(byNumber.get(2)?.metadata.get('graphile-worker.key')).toBe('two');
    expect((await itemsOf('other')).map(({ payload }) => payload)).toEqual([{ n: 6 }]);
    expect((await migrate('graphile-worker')).stderr).toMatch(/^Stored 0 job\(s\); 5 were stored before\n/);
  });
});
