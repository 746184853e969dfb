import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, ensureQueue, type Fetch } from '@querator/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Terminal } from '../cli/support/terminal.ts';
import { killAtEveryCall } from './support/killed-fetch.ts';
import { twoServers } from './support/two-servers.ts';

const servers = twoServers('v2');
const terminal = new Terminal(servers.fetch);
const FROM_TO = ['--from', 'http://old', '--to', 'http://new'];
const UNTIL = { seconds: 4_000_000_000, nanos: 0 };
const TIMES = { cron: '0 6 1 JAN *', timeZone: 'Europe/Berlin', missed: 'all' };
let folder = '';
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schedules-'));
  await servers.start();
});
afterAll(async () => {
  await servers.stop();
  await rm(folder, { recursive: true });
});

/** A queue at the first server with a schedule that is active, and one that is paused. */
async function scheduledQueue(): Promise<{ queueName: string; active: string; paused: string }> {
  const n = count++;
  const names = { queueName: `queue-${n}`, active: `active-${n}`, paused: `paused-${n}` };
  const { queueName, active, paused } = names;
  await ensureQueue(servers.old, { queue: queueName, partitions: 2, maxAttempts: 5 });
  const metadata = new Map([['tenant', 'blue']]);
  const item = { kind: 'report', reference: 'r', encoding: 'e', utf8: 'hello', metadata };
  await servers.old.v2.schedules.create({ ...TIMES, name: active, queueName, item, until: UNTIL });
  await servers.old.v2.schedules.create({ ...TIMES, name: paused, queueName, item });
  await servers.old.v2.schedules.pause({ name: paused });
  return names;
}

const argvFor = (queueName: string, journal = join(folder, `${count++}.json`)) => {
  return ['migrate', queueName, ...FROM_TO, '--journal', journal];
};

/** The schedules of a queue by their states, without what counts and times differ in. */
async function schedulesAt(client: Client, queueName: string) {
  const { items } = await client.v2.schedules.list({ queueName });
  return items.map(({ name, state, cron, timeZone, missed, until, item }) => {
    return { name, state, cron, timeZone, missed, until, item };
  });
}

/** Whether it would fire at its own times. */
async function fires(client: Client, queueName: string, name: string): Promise<boolean> {
  const found = (await schedulesAt(client, queueName)).find((each) => each.name === name);
  return found?.state === 'active' && found.cron === TIMES.cron;
}

test('a schedule that a move or an import creates is paused from the beginning', async () => {
  const { queueName } = await scheduledQueue();
  const states: string[][] = [];
  const fetch: Fetch = async (url, init) => {
    const reply = await servers.fetch(url, init);
    if (url === 'http://new/v2/schedules.create') {
      states.push((await schedulesAt(servers.new, queueName)).map(({ state }) => state));
    }
    return reply;
  };
  expect((await terminal.run(argvFor(queueName), { fetch })).code).toBe(0);
  expect(states.map((each) => new Set(each))).toEqual([new Set(['paused']), new Set(['paused', 'active'])]);
  // The first one is resumed, as it was at the first server, before the second one is created.
  expect(states.map((each) => each.length)).toEqual([1, 2]);
});

test('querator migrate moves schedules, killed before and after every call', async () => {
  const kills = await killAtEveryCall(servers.fetch, async (kill, at) => {
    const { queueName, active, paused } = await scheduledQueue();
    const before = await schedulesAt(servers.old, queueName);
    const argv = argvFor(queueName);
    const run = terminal.run(argv, { fetch: kill.fetch }).then(({ code, stderr }) => {
      expect(code, stderr).toBe(0);
      expect(stderr).toContain(
        `Schedules that fire at the second server now, and are paused at the first one: ${active}\n` +
          `Schedules that are paused at the second server too: ${paused}\n`,
      );
      return 'ended' as const;
    });
    const outcome = await Promise.race([kill.killed, run]);
    const firing = [servers.old, servers.new].map((client) => fires(client, queueName, active));
    expect((await Promise.all(firing)).filter(Boolean).length, at).toBeLessThanOrEqual(1);
    expect(await fires(servers.new, queueName, paused), at).toBe(false);
    if (outcome === 'killed') {
      const again = await terminal.run(argv);
      expect(again.code, `${at}: ${again.stderr}`).toBe(0);
    }
    expect(await schedulesAt(servers.new, queueName), at).toEqual(before);
    const old = await schedulesAt(servers.old, queueName);
    expect(
      old.map(({ state }) => state),
      at,
    ).toEqual(['paused', 'paused']);
    for (const client of [servers.old, servers.new]) await client.queues.delete({ queueName, force: true });
    return outcome;
  });
  expect(kills).toBeGreaterThan(20);
});

test('querator migrate --live moves schedules, killed after one was paused at the first server', async () => {
  const { queueName, active } = await scheduledQueue();
  const before = await schedulesAt(servers.old, queueName);
  const argv = [...argvFor(queueName), '--live'];
  await new Promise<void>((killed) => {
    const fetch: Fetch = async (url, init) => {
      const reply = await servers.fetch(url, init);
      if (url !== 'http://old/v2/schedules.pause') return reply;
      killed();
      return new Promise(() => {});
    };
    void terminal.run(argv, { fetch });
  });
  expect(await fires(servers.old, queueName, active)).toBe(false);
  expect(await fires(servers.new, queueName, active)).toBe(false);
  const again = await terminal.run(argv);
  expect(again.code, again.stderr).toBe(0);
  expect(await schedulesAt(servers.new, queueName)).toEqual(before);
  expect(await fires(servers.old, queueName, active)).toBe(false);
});

test('schedules wait at the first server while it has items of their queue', async () => {
  const { queueName, active, paused } = await scheduledQueue();
  const items = [{ utf8: 'a' }, { utf8: 'b' }];
  await servers.old.queue.produce({ queueName, requestTimeout: '5s', items });
  await servers.old.queue.lease({ queueName, clientId: 'c', batchSize: 1, requestTimeout: '5s' });
  const ran = await terminal.run(argvFor(queueName));
  expect(ran.stderr).toContain(
    `and the command is run again: ${active}, ${paused}\nMoved 1 item(s) of 1 queue(s); 1 are left\n`,
  );
  expect(await fires(servers.old, queueName, active)).toBe(true);
  expect(await schedulesAt(servers.new, queueName)).toEqual([]);
});

test('a schedule that the second server has stays as it is at both', async () => {
  const { queueName, active } = await scheduledQueue();
  await ensureQueue(servers.new, { queue: queueName, partitions: 2, maxAttempts: 5 });
  const own = { ...TIMES, cron: '0 7 1 JAN *', name: active, queueName, item: { utf8: 'own' } };
  await servers.new.v2.schedules.create(own);
  const ran = await terminal.run(argvFor(queueName));
  expect(ran.stderr).toContain(
    `Schedules that both servers had, and that both fire unless one is paused: ${active}\n`,
  );
  expect(await fires(servers.old, queueName, active)).toBe(true);
  expect(await schedulesAt(servers.new, queueName)).toMatchObject([{ cron: '0 7 1 JAN *' }, {}]);
});

test('a move that is run again leaves a schedule alone that was paused since', async () => {
  const { queueName, active } = await scheduledQueue();
  expect((await terminal.run(argvFor(queueName))).code).toBe(0);
  await servers.new.v2.schedules.pause({ name: active });
  const again = await terminal.run(argvFor(queueName));
  expect(again).toMatchObject({ code: 0, stderr: expect.not.stringContaining('chedule') });
  expect(await fires(servers.new, queueName, active)).toBe(false);
});

test('schedules that the caller may not see are named, and stay', async () => {
  const { queueName, active } = await scheduledQueue();
  const ran = await terminal.run(argvFor(queueName), {
    fetch: async (url, init) => {
      if (url !== 'http://old/v2/schedules.list') return servers.fetch(url, init);
      const headers = { 'content-type': 'application/json' };
      return new Response('{"code":403,"message":"access denied"}', { status: 403, headers });
    },
  });
  expect(ran).toMatchObject({ code: 0 });
  expect(ran.stderr).toContain(`the permission queue.update is missing at the first server: ${queueName}\n`);
  expect(await fires(servers.old, queueName, active)).toBe(true);
});

test('querator import creates schedules paused, killed before and after every call', async () => {
  const { queueName, active } = await scheduledQueue();
  const before = await schedulesAt(servers.old, queueName);
  const file = join(folder, `${count++}.ndjson`);
  const exported = await terminal.run(['export', queueName, '--file', file, '--endpoint', 'http://old']);
  expect(exported.code, exported.stderr).toBe(0);
  const argv = ['import', file, '--endpoint', 'http://new'];
  const kills = await killAtEveryCall(servers.fetch, async (kill, at) => {
    const run = terminal.run(argv, { fetch: kill.fetch }).then(() => 'ended' as const);
    const outcome = await Promise.race([kill.killed, run]);
    expect(await fires(servers.new, queueName, active), at).toBe(false);
    const again = await terminal.run(argv);
    expect(again.code, `${at}: ${again.stderr}`).toBe(0);
    expect(again.stderr).toContain(
      `so that no time is fired twice: ${active}; pause them where they come from`,
    );
    expect(await schedulesAt(servers.new, queueName), at).toEqual(
      before.map((schedule) => ({ ...schedule, state: 'paused' })),
    );
    await servers.new.queues.delete({ queueName, force: true });
    return outcome;
  });
  expect(kills).toBeGreaterThan(12);
});
