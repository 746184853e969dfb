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
    async function resize(queue_name: string, partitions: number) {
      const { json } = await server.post('/v2/queues.resize', { queue_name, partitions });
      const ended = async () => {
        const task = await server.post('/v2/tasks.get', { id: json.id });
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
  },
);
