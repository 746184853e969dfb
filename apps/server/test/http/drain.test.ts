import { describe, expect, test, vi } from 'vitest';
import { endAfterEach, newPlace, PATIENCE, SeveralStorages } from './support/several-storages.ts';

endAfterEach();

describe.each(['memory', 'postgres', 'sqlite'])(
  'a task that drains a storage in %s',
  { timeout: 90_000 },
  (driver) => {
    test('moves its partitions elsewhere, and shows before what it would move', async () => {
      const places = { old: await newPlace(driver), a: await newPlace(driver), b: await newPlace(driver) };
      const placing = { old: { affinity: 0 }, a: { affinity: 1 }, b: { affinity: 1 } };
      const server = await SeveralStorages.start(places, placing);
      for (const name of ['q0', 'q1']) {
        await server.createQueue(name, 2);
        for (const partition of [0, 1]) await server.move(name, partition, 'old');
      }
      const drain = { kind: 'drain', storage_name: 'old', at_once: 3 };
      const dry = await server.ended({ ...drain, dry_run: true });
      expect(dry).toMatchObject({ state: 'done', matched: 4 });
      const moves = dry.moves as readonly { from: string; to: string; items?: number }[];
      expect(moves.map(({ from, to }) => `${from} ${to}`).sort()).toEqual([
        'old a',
        'old a',
        'old b',
        'old b',
      ]);
      expect(moves.reduce((sum, { items = 0 }) => sum + items, 0)).toBe(20);
      expect(await server.storagesOf('q0')).toEqual(['old', 'old']);
      expect(await server.ended(drain)).toMatchObject({ state: 'done', matched: 4, done: 4 });
      const placed = [...(await server.storagesOf('q0')), ...(await server.storagesOf('q1'))].sort();
      expect(placed).toEqual(['a', 'a', 'b', 'b']);
      for (const name of ['q0', 'q1']) expect(await server.items(name)).toBe(10);
      const refused = await server.post('/v2/tasks.create', { kind: 'drain', storage_name: 'a' });
      expect(refused.message).toBe(
        "storage_name is invalid; storage 'a' takes new partitions, set its affinity to 0",
      );
    });
  },
);

describe('storages that the configuration drains', { timeout: 120_000 }, () => {
  test('become empty, and /health and metrics say when they can be switched off', async () => {
    const places = { queues: await newPlace('postgres'), old: await newPlace('postgres') };
    const before = await SeveralStorages.start(places, { queues: { affinity: 0 }, old: { affinity: 1 } });
    await before.createQueue('q', 3);
    expect(await before.health('old')).not.toHaveProperty('output');
    const drains = { queues: { affinity: 1 }, old: { affinity: 0, drain: true } };
    const after = await SeveralStorages.start(places, drains);
    const moved = async () => expect(await after.storagesOf('q')).toEqual(['queues', 'queues', 'queues']);
    await vi.waitFor(moved, PATIENCE);
    await vi.waitFor(async () => {
      const { code, status, output } = await after.health('old');
      expect([code, status]).toEqual([200, 'warn']);
      expect(output).toMatch(/^it drains: server '.*' places new partitions there; set the affinity to 0/);
    }, PATIENCE);
    expect(await after.metric('querator_storage_drained')).toBe('querator_storage_drained{storage="old"} 0');
    await before.stop();
    const empty = 'it is empty and can be switched off, once no server has it in its configuration';
    await vi.waitFor(async () => expect((await after.health('old')).output).toBe(empty), PATIENCE);
    expect(await after.metric('querator_storage_drained')).toBe('querator_storage_drained{storage="old"} 1');
    expect(await after.metric('querator_storage_drain_partitions')).toBe(
      'querator_storage_drain_partitions{storage="old"} 0',
    );
    await after.stop();
    const without = await SeveralStorages.start({ queues: places.queues }, { queues: { affinity: 1 } });
    expect(await without.items('q')).toBe(10);
  });

  test('stay in use for queues and outboxes, which /health names', async () => {
    const places = { old: await newPlace('postgres'), next: await newPlace('postgres') };
    const url = new URL(places.old ?? '');
    url.searchParams.set('application_name', 'relay');
    const server = await SeveralStorages.start(
      places,
      { old: { affinity: 0, drain: true }, next: { affinity: 1 } },
      { outbox: [{ 'connection-string': url.href }] },
    );
    await vi.waitFor(async () => {
      expect((await server.health('old')).output).toBe(
        'it drains: it keeps the settings of queues, schedules, tasks; they cannot move to another storage, ' +
          "so it stays in use as queue-storage; an outbox in the schema 'querator_outbox' is in the same database",
      );
    }, PATIENCE);
  });
});
