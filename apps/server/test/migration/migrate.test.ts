import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureQueue } from '@querator/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Terminal } from '../cli/support/terminal.ts';
import { killAtEveryCall } from './support/killed-fetch.ts';
import { consumeAll, fillQueue, twoServers } from './support/two-servers.ts';

const FROM_TO = ['--from', 'http://old', '--to', 'http://new'];

describe.each(['v1', 'v2'] as const)(
  'querator migrate from a server with %s',
  { timeout: 120_000 },
  (api) => {
    const servers = twoServers(api);
    const terminal = new Terminal(servers.fetch);
    let folder = '';
    let count = 0;
    const name = () => `queue-${count++}`;
    const journal = () => join(folder, `${count++}.json`);

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'migrate-'));
      await servers.start();
    });
    afterAll(async () => {
      await servers.stop();
      await rm(folder, { recursive: true });
    });

    const itemsOf = async (client: typeof servers.new, queueName: string) => {
      const { items } = await client.v2.items.export({ queueName, limit: 1_000 });
      return items.map((item) => ({ ...item, payload: Buffer.from(item.payload).toString() }));
    };

    test('moves waiting and scheduled items in order, and leaves leased ones', async () => {
      const queue = name();
      await fillQueue(servers.old, queue, 3);
      const enqueueAt = { seconds: 4_000_000_000, nanos: 0 };
      const later = [{ utf8: 'later', enqueueAt, kind: 'k', reference: 'r', encoding: 'e' }];
      await servers.old.queue.produce({ queueName: queue, requestTimeout: '5s', items: later });
      const lease = { queueName: queue, clientId: 'c', batchSize: 1, requestTimeout: '5s' };
      const leased = await servers.old.queue.lease(lease);
      const dry = await terminal.run(['migrate', queue, ...FROM_TO, '--dry-run', '--json']);
      expect(JSON.parse(dry.stdout).queues).toEqual([{ queue, waiting: 5, leased: 1, scheduled: 1 }]);

      const argv = ['migrate', queue, ...FROM_TO, '--journal', journal()];
      const moved = await terminal.run(argv);
      expect(moved.code).toBe(0);
      expect(moved.stderr).toBe(
        `Moved 6 item(s) of 1 queue(s); 1 are left\nLeft of queue '${queue}': 0 waiting, 1 leased, 0 scheduled; run the same command again to move them, with --wait to wait for them\n`,
      );
      expect(moved.stdout).toMatch(/^QUEUE +MOVED +LEFT +QUEUE WAS\nqueue-\d+ +6 +1 +created\n$/);
      const items = await itemsOf(servers.new, queue);
      const taken = `${leased.partition}:0`;
      expect(items.filter(({ state }) => state === 'waiting').map(({ payload }) => payload)).toEqual(
        ['0:0', '0:1', '0:2', '1:0', '1:1', '1:2'].filter((each) => each !== taken),
      );
      expect(items.find(({ payload }) => payload === '0:1')).toMatchObject({
        ...{ attempts: 2, partition: 0, expireDeadline: { seconds: 4_000_000_000 } },
      });
      expect(items.filter(({ state }) => state === 'scheduled')).toMatchObject([
        { payload: 'later', enqueueAt, kind: 'k', reference: 'r', encoding: 'e' },
      ]);
      const { partition, items: given } = leased;
      const ids = given.map(({ id }) => id);
      await servers.old.queue.retry({ queueName: queue, partition, items: ids.map((id) => ({ id })) });
      expect((await terminal.run(argv)).stderr).toBe('Moved 1 item(s) of 1 queue(s); 0 are left\n');
      expect(await itemsOf(servers.new, queue)).toHaveLength(7);
      expect(await servers.new.queues.info({ queueName: queue })).toMatchObject({ maxAttempts: 5 });
    });

    test('moves all queues of a namespace with their dead letters, as a consumer too', async () => {
      const [queue, dead] = [name(), name()];
      await ensureQueue(servers.old, { queue: dead });
      await ensureQueue(servers.old, { queue, deadQueue: dead, maxAttempts: 1 });
      await servers.old.storage.itemsImport({
        queueName: dead,
        partition: 0,
        items: [{ sourceId: 'the id in its queue', payload: Buffer.from('letter') }],
      });
      await servers.old.queue.produce({ queueName: queue, requestTimeout: '5s', items: [{ utf8: 'a' }] });
      const stopped = await terminal.run(['migrate', dead, ...FROM_TO, '--journal', journal()]);
      expect(stopped.stderr).toBe('Moved 1 item(s) of 1 queue(s); 0 are left\n');
      expect(await itemsOf(servers.new, dead)).toMatchObject([{ sourceId: 'the id in its queue' }]);
      const live = await terminal.run(['migrate', ...FROM_TO, '--live', '--json', '--journal', journal()]);
      expect(live.code).toBe(0);
      const { queues } = JSON.parse(live.stdout);
      expect(queues).toContainEqual({ queue, moved: 1, left: 0, created: true, other_settings: [] });
      expect(await consumeAll(servers.new, queue)).toEqual(['a']);
    });

    test('ends as a consumer when nothing can be leased, and says what is left', async () => {
      const queue = name();
      await fillQueue(servers.old, queue, 2);
      const lease = { queueName: queue, clientId: 'c', batchSize: 1, requestTimeout: '5s' };
      await servers.old.queue.lease(lease);
      const enqueueAt = { seconds: 4_000_000_000, nanos: 0 };
      const later = [{ utf8: 'later', enqueueAt }];
      await servers.old.queue.produce({ queueName: queue, requestTimeout: '5s', items: later });
      const argv = ['migrate', queue, ...FROM_TO, '--live', '--journal', journal()];
      const moved = await terminal.run(argv);
      expect(moved.code).toBe(0);
      expect(moved.stderr).toBe(
        `Moved 3 item(s) of 1 queue(s); 2 are left\nLeft of queue '${queue}': 0 waiting, 1 leased, 1 scheduled; run the same command again to move them, with --wait to wait for them\n`,
      );
      expect(await consumeAll(servers.new, queue)).toHaveLength(3);
    });

    // A target needs `v2`.
    const testBothWays = api === 'v2' ? test : undefined;
    testBothWays?.('moves items once more that were moved back', async () => {
      const queue = name();
      await fillQueue(servers.old, queue, 3);
      const back = ['--from', 'http://new', '--to', 'http://old'];
      for (const way of [FROM_TO, back, FROM_TO, back, FROM_TO]) {
        const moved = await terminal.run(['migrate', queue, ...way, '--journal', journal()]);
        expect(moved.stderr).toContain('Moved 6 item(s) of 1 queue(s); 0 are left\n');
      }
      expect(await consumeAll(servers.new, queue)).toHaveLength(6);
    });

    test.each([
      ['with its consumers stopped', [], 120],
      ['with consumers running', ['--live'], 120],
    ])('moves each item once, killed before and after every call, %s', async (_, flags, items) => {
      const kills = await killAtEveryCall(servers.fetch, async (kill, at) => {
        const queue = name();
        await fillQueue(servers.old, queue, items);
        const file = journal();
        const argv = ['migrate', queue, ...FROM_TO, ...flags, '--journal', file];
        const run = terminal.run(argv, { fetch: kill.fetch }).then(({ code, stderr }) => {
          expect(code, `${at}: ${stderr}`).toBe(0);
          return 'ended' as const;
        });
        const outcome = await Promise.race([kill.killed, run]);
        const consumed = [...(await consumeAll(servers.new, queue))];
        if (outcome === 'killed') {
          await endLostLeases(queue, file);
          const again = await terminal.run(argv);
          expect(again.code, `${at}: ${again.stderr}`).toBe(0);
        }
        consumed.push(...(await consumeAll(servers.new, queue)));
        expect(consumed, at).toHaveLength(2 * items);
        expect(new Set(consumed).size, at).toBe(2 * items);
        expect(await totalOf(queue), at).toBe(0);
        await servers.old.queues.delete({ queueName: queue, force: true });
        return outcome;
      });
      expect(kills).toBeGreaterThan(12);
    });

    /** Ends the leases that the killed process never heard of, as their deadlines would. */
    async function endLostLeases(queueName: string, file: string): Promise<void> {
      const text = await readFile(file, 'utf8').catch(() => '{}');
      // With first ids, the next run waits for those in flight too: they may come back.
      const known = new Set<string>(api === 'v1' ? JSON.parse(text).inFlight?.ids : []);
      for (const partition of [0, 1]) {
        const { items } = await servers.old.storage.itemsList({ queueName, partition, limit: 1_000 });
        const ids = items.filter(({ isLeased, id }) => isLeased && !known.has(id)).map(({ id }) => id);
        if (ids.length > 0) await servers.operator.v2.items.retry({ queueName, partition, ids });
      }
    }

    async function totalOf(queueName: string): Promise<number> {
      const { logicalQueues } = await servers.old.queue.stats({ queueName });
      const partitions = logicalQueues.flatMap((each) => each.partitions);
      return partitions.reduce((sum, { total, scheduled }) => sum + total + scheduled, 0);
    }
  },
);
