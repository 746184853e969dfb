import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, ensureQueue } from '@querator/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startInProcess, Terminal } from '../cli/support/terminal.ts';
import { type KilledFetch, killAtEveryCall } from './support/killed-fetch.ts';

const { server, fetch } = startInProcess();
const terminal = new Terminal(fetch);
const client = createClient({ endpoint: 'http://in.process', fetch });
let folder = '';
let count = 0;
const fresh = (ending = '.ndjson.zst') => join(folder, `${count++}${ending}`);
/** A name that no queue has. */
const name = (text: string) => `${text}-${count++}`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'export-'));
  await server.start();
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const payload = (text: string) => Buffer.from(text);

/** A queue of two partitions, with its dead-letter queue and items in all states. */
async function filledQueue(): Promise<{ queueName: string; deadQueue: string }> {
  const [queueName, deadQueue] = [name('mail'), name('dead')];
  await ensureQueue(client, { queue: deadQueue });
  await ensureQueue(client, {
    ...{ queue: queueName, deadQueue, partitions: 2, leaseTimeout: '7m', maxAttempts: 3 },
    reference: 'all about mail',
  });
  const rest = { firstId: `0${'1'.padStart(16, '0')}ABCDEFGHIJ`, error: 'late', attempts: 2 };
  await client.v2.items.import({
    queueName,
    items: [
      { kind: 'waiting', payload: payload('a'), metadata: new Map([['tenant', 'blue']]), ...rest },
      {
        kind: 'leased',
        state: 'leased',
        leaseDeadline: { seconds: 4_000_000_000, nanos: 5_000 },
        partition: 1,
      },
      { kind: 'later', state: 'scheduled', enqueueAt: { seconds: 4_000_000_000, nanos: 0 } },
    ],
  });
  const source = { queue: queueName, partition: 1, id: rest.firstId, attempts: 3, reason: 'rejected' };
  const diedAt = { seconds: 1_800_000_000, nanos: 0 };
  await client.v2.items.import({
    queueName: deadQueue,
    items: [{ payload: payload('letter'), sourceId: rest.firstId, source: { ...source, diedAt } }],
  });
  return { queueName, deadQueue };
}

/** What an import keeps of the items of a queue. */
async function itemsOf(queueName: string) {
  const { items } = await client.v2.items.export({ queueName, limit: 1_000 });
  return items.map(({ id: _, createdAt, ...item }) => item);
}

describe('querator export and import', () => {
  test('bring queues back with their settings and all their items', async () => {
    const { queueName, deadQueue } = await filledQueue();
    const file = fresh();
    const exported = await terminal.ok(`export ${queueName} ${deadQueue} --file ${file}`);
    expect(exported.stderr).toBe('Exported 4 item(s) of 2 queue(s)\n');
    expect(exported.stdout).toMatch(new RegExp(`^QUEUE +ITEMS +DIGEST\n${queueName} +3 +[0-9a-f]{16}\n`));
    const before = [await itemsOf(queueName), await itemsOf(deadQueue)];
    const { createdAt, updatedAt, ...settings } = await client.queues.info({ queueName });
    await client.queues.delete({ queueName, force: true });
    await client.queues.delete({ queueName: deadQueue, force: true });

    const imported = await terminal.ok(`import ${file} --verify`);
    expect(imported.stderr).toBe(
      'Imported 4 item(s); 0 were imported before\nVerified: the queues hold what the file has\n',
    );
    expect(imported.stdout).toMatch(/^QUEUE +IN FILE +STORED +THERE +QUEUE WAS\n\S+ +3 +3 +0 +created\n/);
    expect([await itemsOf(queueName), await itemsOf(deadQueue)]).toEqual(before);
    expect(await client.queues.info({ queueName })).toMatchObject(settings);
  });

  test('store no item twice, although the first ones were consumed meanwhile', async () => {
    const { queueName } = await filledQueue();
    const file = fresh('.ndjson');
    await terminal.ok(`export ${queueName} --file ${file}`);
    await client.queues.delete({ queueName, force: true });
    await terminal.ok(`import ${file}`);
    const lease = { queueName, clientId: 'c', batchSize: 1, requestTimeout: '5s' };
    const leased = await client.queue.lease(lease);
    await client.queue.complete({ ...leased, ids: leased.items.map(({ id }) => id), requestTimeout: '5s' });
    const again = await terminal.ok(`import ${file} --json`);
    expect(JSON.parse(again.stdout)).toMatchObject({
      queues: [{ queue: queueName, items: 3, stored: 0, present: 3, created: false, other_settings: [] }],
    });
    expect(await itemsOf(queueName)).toHaveLength(2);
    const verified = await terminal.run(['import', file, '--verify']);
    expect(verified).toMatchObject({ code: 1 });
    expect(verified.stderr).toContain(`queue '${queueName}' holds 2 item(s), and the file has 3`);
  });

  test('pass items through a pipe, into an existing queue with fewer partitions', async () => {
    const { queueName } = await filledQueue();
    const { stdout } = await terminal.ok(`export ${queueName} --file -`);
    await client.queues.delete({ queueName, force: true });
    await ensureQueue(client, { queue: queueName });
    const imported = await terminal.ok('import -', { input: stdout });
    expect(imported.stderr).toContain(
      `Queue '${queueName}' existed, and keeps its own settings: lease_timeout, max_attempts, dead_queue, reference, requested_partitions\n`,
    );
    expect((await itemsOf(queueName)).map(({ kind, partition }) => [kind, partition])).toEqual([
      ['waiting', 0],
      ['later', 0],
      ['leased', 0],
    ]);
  });

  test('refuse a damaged or incomplete file, and import nothing of it', async () => {
    const { queueName } = await filledQueue();
    const file = fresh('.ndjson');
    await terminal.ok(`export ${queueName} --file ${file}`);
    await client.queues.delete({ queueName, force: true });
    const text = await readFile(file, 'utf8');
    for (const [damaged, reason] of [
      [text.replace('"waiting"', '"xaiting"'), 'the lines since the last checkpoint are not those'],
      [text.slice(0, text.lastIndexOf('{"querator":"end"')), 'it is not complete'],
    ] as const) {
      await writeFile(file, damaged);
      const ran = await terminal.run(['import', file]);
      expect(ran).toMatchObject({ code: 1, stdout: '' });
      expect(ran.stderr).toContain(reason);
      await expect(client.queues.info({ queueName })).rejects.toThrow('no such queue');
    }
  });

  test('name what is wrong with their arguments', async () => {
    const { queueName } = await filledQueue();
    const file = fresh();
    const refused = async (argv: readonly string[], text: string, code = 1) => {
      const ran = await terminal.run(argv);
      expect(ran).toMatchObject({ code });
      expect(ran.stderr).toContain(text);
    };
    await refused(['export', queueName], "required option '--file <file>'", 2);
    await refused(['export', '--resume', '--file', '-'], '--resume needs a file', 2);
    await refused(['export', '--resume', '--file', file], `${file} does not exist`);
    await refused(['export', 'nowhere', '--file', file], 'no such queue', 3);
    await refused(
      ['export', queueName, '--file', file],
      'exists; resume the export that wrote it, or delete it',
    );
    await terminal.ok(`export ${queueName} --file ${file}2`);
    await refused(['import', `${file}2`, 'other'], "it has no queue 'other'");
    await refused(['import', `${file}2`, '--window', 'soon'], 'dedup_window is invalid');
    await refused(['import', join(folder, 'nowhere')], 'failed to open file');
    const complete = await terminal.ok(`export --resume --file ${file}2`);
    expect(complete.stderr).toBe(`${file}2 is complete\n`);
  });
});

describe('a killed command', () => {
  /** Runs a command until it ends or is killed. */
  const run = (kill: KilledFetch, argv: readonly string[]) =>
    Promise.race([kill.killed, terminal.run(argv, { fetch: kill.fetch }).then(() => 'ended' as const)]);

  /** A queue with enough items for several pages of an export. */
  async function largeQueue(items: number, bytes: number): Promise<string> {
    const queueName = name('large');
    await ensureQueue(client, { queue: queueName, partitions: 2 });
    // The first page makes a part of the archive.
    const given = Array.from({ length: items }, (_, n) => ({
      payload: payload(`${n} `.padEnd(bytes, '.')),
      partition: n % 2,
    }));
    await client.v2.items.import({ queueName, items: given });
    return queueName;
  }

  test('export goes on where it was, before and after every call', async () => {
    const queueName = await largeQueue(1_200, 4_000);
    const whole = fresh('.ndjson');
    await terminal.ok(`export ${queueName} --file ${whole}`);
    const withoutHeader = (text: string) =>
      text.split('\n').filter((line) => /^\{"(id|partition)/.test(line));
    const expected = withoutHeader(await readFile(whole, 'utf8'));
    expect(expected).toHaveLength(1_200);
    const kills = await killAtEveryCall(fetch, async (kill, at) => {
      const file = fresh('.ndjson');
      const outcome = await run(kill, ['export', queueName, '--file', file]);
      if (outcome === 'killed') {
        const argv = ['export', '--file', file, '--resume', queueName];
        expect((await terminal.run(argv)).code, at).toBe(0);
      }
      expect(withoutHeader(await readFile(file, 'utf8')), at).toEqual(expected);
      return outcome;
    });
    expect(kills).toBeGreaterThan(5);
  }, 120_000);

  test('import stores each item once, before and after every call, while consumers work', async () => {
    const original = await largeQueue(1_200, 10);
    const file = fresh();
    await terminal.ok(`export ${original} --file ${file}`);
    await client.queues.delete({ queueName: original, force: true });
    const kills = await killAtEveryCall(fetch, async (kill, at) => {
      const outcome = await run(kill, ['import', file]);
      // A consumer takes and completes whatever is there.
      const ledger: string[] = [];
      const consume = async () => {
        const request = { queueName: original, clientId: 'c', batchSize: 1_000, requestTimeout: '10ms' };
        for (;;) {
          const leased = await client.queue.lease(request).catch(() => undefined);
          if (leased === undefined) return;
          ledger.push(...leased.items.map(({ bytes }) => `${Buffer.from(bytes).toString()}`.trimEnd()));
          const ids = leased.items.map(({ id }) => id);
          await client.queue.complete({ ...leased, ids, requestTimeout: '5s' });
        }
      };
      await consume();
      if (outcome === 'killed') expect((await terminal.run(['import', file])).code, at).toBe(0);
      await consume();
      expect(ledger, at).toHaveLength(1_200);
      expect(new Set(ledger).size, at).toBe(1_200);
      await client.queues.delete({ queueName: original, force: true });
      return outcome;
    });
    expect(kills).toBeGreaterThan(5);
  }, 120_000);
});
