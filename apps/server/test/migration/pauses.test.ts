import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureQueue } from '@querator/client';
import { SystemRandom } from '@querator/core';
import { type ArchiveLine, archiveBytes, importArchive, readArchive } from '@querator/migration';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Terminal } from '../cli/support/terminal.ts';
import { KilledFetch, killAtEveryCall } from './support/killed-fetch.ts';
import { consumeAll, fillQueue, twoServers } from './support/two-servers.ts';

const servers = twoServers('v2');
const terminal = new Terminal(servers.fetch);
const FROM_TO = ['--from', 'http://old', '--to', 'http://new'];
const TO_NEW = ['--endpoint', 'http://new'];
const UNTIL = { seconds: 4_000_000_000, nanos: 5_000 };
const ITEMS = 3;
let folder = '';
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pauses-'));
  await servers.start();
});
afterAll(async () => {
  await servers.stop();
  await rm(folder, { recursive: true });
});

/** A queue at the first server with items, paused for producers, and for consumers until a time. */
async function pausedQueue(): Promise<string> {
  const queueName = `queue-${count++}`;
  await fillQueue(servers.old, queueName, ITEMS);
  await servers.old.v2.queues.pause({ queueName, produce: true });
  await servers.old.v2.queues.pause({ queueName, lease: true, until: UNTIL });
  return queueName;
}

const pauseOf = async (queueName: string) => {
  const { pause } = await servers.new.v2.queues.describe({ queueName });
  return pause;
};
const PAUSED = { produce: {}, lease: { until: UNTIL } };

async function archiveOf(queueName: string): Promise<string> {
  const file = join(folder, `${count++}.ndjson`);
  const exported = await terminal.run(['export', queueName, '--file', file, '--endpoint', 'http://old']);
  expect(exported.code, exported.stderr).toBe(0);
  return file;
}

/** The arguments of a command that brings the queue to the second server. */
const commandOf = {
  import: async (queueName: string) => ['import', await archiveOf(queueName), ...TO_NEW],
  migrate: async (queueName: string) => {
    return ['migrate', queueName, ...FROM_TO, '--journal', join(folder, `${count++}.json`)];
  },
};

describe.each(['import', 'migrate'] as const)('querator %s', (command) => {
  test('pauses a queue before its items come, killed before and after every call', async () => {
    const kills = await killAtEveryCall(servers.fetch, async (kill, at) => {
      const queueName = await pausedQueue();
      const argv = await commandOf[command](queueName);
      const run = terminal.run(argv, { fetch: kill.fetch }).then(() => 'ended' as const);
      const outcome = await Promise.race([kill.killed, run]);
      const isThere = await servers.new.queues.info({ queueName }).then(
        () => true,
        () => false,
      );
      // A consumer that waits at the second server never gets an item.
      if (isThere) expect(await consumeAll(servers.new, queueName), at).toEqual([]);
      const again = await terminal.run(argv);
      expect(again.code, `${at}: ${again.stderr}`).toBe(0);
      expect(again.stderr).toContain(
        `Queue '${queueName}' is paused as it was (produce, lease); 'querator resume ${queueName}' ends that\n`,
      );
      expect(await pauseOf(queueName), at).toEqual(PAUSED);
      await servers.new.v2.queues.resume({ queueName });
      expect(await consumeAll(servers.new, queueName), at).toHaveLength(2 * ITEMS);
      await servers.old.queues.delete({ queueName, force: true });
      await servers.new.queues.delete({ queueName, force: true });
      return outcome;
    });
    expect(kills).toBeGreaterThanOrEqual(12);
  });

  test('leaves alone what is paused there already', async () => {
    const queueName = await pausedQueue();
    await ensureQueue(servers.new, { queue: queueName, partitions: 2, maxAttempts: 5 });
    const until = { seconds: 3_000_000_000, nanos: 0 };
    await servers.new.v2.queues.pause({ queueName, lease: true, until });
    const ran = await terminal.run(await commandOf[command](queueName));
    expect(ran.code, ran.stderr).toBe(0);
    expect(await pauseOf(queueName)).toEqual({ produce: {}, lease: { until } });
  });
});

test('an import reads files of earlier versions, which have no pauses', async () => {
  const queueName = `queue-${count++}`;
  await fillQueue(servers.old, queueName, ITEMS);
  const file = await archiveOf(queueName);
  expect(await readFile(file, 'utf8')).not.toContain('pause');
  const ran = await terminal.run(['import', file, ...TO_NEW]);
  expect(ran).toMatchObject({ code: 0, stderr: 'Imported 6 item(s); 0 were imported before\n' });
  expect(await pauseOf(queueName)).toBeUndefined();
});

test('an import of a pause that is over by then pauses nothing', async () => {
  const queueName = `queue-${count++}`;
  await fillQueue(servers.old, queueName, ITEMS);
  const file = await archiveOf(queueName);
  async function* lines(): AsyncGenerator<ArchiveLine> {
    for await (const line of readArchive(archiveBytes(file))) {
      const isOver = { produce: undefined, lease: { until: { seconds: 1_000_000_000, nanos: 0 } } };
      yield line.is === 'queue' ? { ...line, pause: isOver } : line;
    }
  }
  await importArchive({
    ...{ client: servers.new, lines: lines(), queues: [], window: '1h', random: new SystemRandom() },
    ...{ sleep: async () => {}, signal: new AbortController().signal },
  });
  expect(await pauseOf(queueName)).toBeUndefined();
  expect(await consumeAll(servers.new, queueName)).toHaveLength(2 * ITEMS);
});

test('a caller who may not pause a queue imports nothing into it', async () => {
  const queueName = await pausedQueue();
  const forbid = new KilledFetch(async (url, init) => {
    if (!url.endsWith('/v2/queues.pause')) return servers.fetch(url, init);
    return new Response('{"code":403,"message":"access denied"}', {
      status: 403,
      headers: { 'content-type': 'application/json' },
    });
  });
  const ran = await terminal.run(await commandOf.import(queueName), { fetch: forbid.fetch });
  expect(ran.code).not.toBe(0);
  expect(ran.stderr).toContain(
    `queue '${queueName}' was paused, and must be before it gets items; that needs the permission queue.update`,
  );
  expect((await servers.new.v2.items.export({ queueName })).items).toEqual([]);
});
