import { createClient, producer, text } from '@querator/client';
import { describe, expect, test, vi } from 'vitest';
import { STORAGES, useServer } from '../support/test-server.ts';

describe.each(STORAGES)(
  'the producer of the client, while its queue on %s is resized',
  {
    timeout: 60_000,
  },
  (storage) => {
    const server = useServer(storage);
    const client = () => createClient({ endpoint: server.url });
    async function resize(queueName: string, partitions: number, move = false) {
      const { id } = await client().v2.queues.resize({ queueName, partitions, move });
      const ended = async () => {
        const task = await server.post('/v2/tasks.get', { id });
        expect(task.json).toMatchObject({ state: 'done' });
      };
      await vi.waitFor(ended, { timeout: 30_000, interval: 20 });
    }

    test('its keys reach all partitions, and repeats are duplicates', async () => {
      await server.createQueue('grown');
      await using items = producer(client(), { queue: 'grown', codec: text, dedupWindow: '10s' });
      const send = (n: number) => items.send(`item ${n}`, { dedupKey: `key ${n}` });
      const first = await Promise.all(Array.from({ length: 40 }, (_, n) => send(n)));
      await resize('grown', 4);
      const again = await Promise.all(Array.from({ length: 40 }, (_, n) => send(n)));
      expect(again.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
      // Each send is a request with a key of its own.
      for (let n = 0; n < 40; n++) await items.send(`later ${n}`);
      const stats = await client().queue.stats({ queueName: 'grown' });
      const counts = stats.logicalQueues[0]?.partitions.map(({ total }) => total) ?? [];
      expect(counts).toHaveLength(4);
      expect(Math.min(...counts)).toBeGreaterThan(0);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(80);
    });

    test('nothing is stored twice when it gets fewer partitions, and its items move', async () => {
      await server.createQueue('fewer', { requested_partitions: 4 });
      // Partitions leave when the windows of their keys have ended.
      await using items = producer(client(), { queue: 'fewer', codec: text, dedupWindow: '3s' });
      const sendAll = (name: string) =>
        Promise.all(
          Array.from({ length: 20 }, (_, n) => items.send(`${name} ${n}`, { dedupKey: `${name} ${n}` })),
        );
      const first = await sendAll('before');
      const ended = resize('fewer', 2, true);
      const again = await sendAll('before');
      expect(again.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
      await sendAll('between');
      await ended;
      await sendAll('after');
      const stats = await client().queue.stats({ queueName: 'fewer' });
      const counts = stats.logicalQueues[0]?.partitions.map(({ total }) => total) ?? [];
      expect([counts.length, counts.reduce((sum, count) => sum + count, 0)]).toEqual([2, 60]);
    });
  },
);
