import { describe, expect, test } from 'vitest';
import { endAfterEach, newPlace, SeveralStorages } from './support/several-storages.ts';

endAfterEach();

describe.each(['memory', 'postgres', 'sqlite'])(
  'a task that balances storages in %s',
  { timeout: 90_000 },
  (driver) => {
    test('moves partitions as its dry run shows, and a second one moves nothing', async () => {
      const places = { first: await newPlace(driver), added: await newPlace(driver) };
      const server = await SeveralStorages.start(places, { first: { affinity: 1 }, added: { affinity: 1 } });
      const queues = ['q0', 'q1', 'q2'];
      for (const name of queues) {
        await server.createQueue(name, 2);
        for (const [partition, storage] of (await server.storagesOf(name)).entries())
          if (storage === 'added') await server.move(name, partition, 'first');
      }
      const rebalance = { kind: 'rebalance', at_once: 3 };
      const dry = await server.ended({ ...rebalance, dry_run: true });
      expect(dry).toMatchObject({ state: 'done', matched: 3 });
      const planned = dry.moves.map((move: object) => ({ from: 'first', to: 'added', ...move }));
      expect(dry.moves).toEqual(planned);
      expect(await server.ended(rebalance)).toMatchObject({ state: 'done', matched: 3, done: 3 });
      for (const { queue_name, partition = 0 } of dry.moves)
        expect((await server.storagesOf(queue_name))[partition]).toBe('added');
      const placed = (await Promise.all(queues.map((name) => server.storagesOf(name)))).flat().sort();
      expect(placed).toEqual(['added', 'added', 'added', 'first', 'first', 'first']);
      for (const name of queues) expect(await server.items(name)).toBe(10);
      const second = await server.ended(rebalance);
      expect(second).toMatchObject({ state: 'done' });
      expect([second.matched, second.moves]).toEqual([undefined, undefined]);
    });
  },
);
