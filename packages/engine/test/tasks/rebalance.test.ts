import { unavailable } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { PlacingWorld, type WantedStorages } from '../support/placing-world.ts';
import type { TaskProcess } from '../support/task-processes.ts';

const EQUAL: WantedStorages = { near: { affinity: 1 }, far: { affinity: 1 } };
const REBALANCE = { kind: 'rebalance', queueName: '' };

/** Keeps the moves of a process from their switch. @returns lets them go on. */
function holdMoves(process: TaskProcess): () => void {
  process.onCall = (name) => (name === 'moves.close' ? 'fails' : 'goes on');
  return () => {
    process.onCall = () => 'goes on';
  };
}

/** A world with queues on the near storage, and a process that works on tasks. */
async function start(count: number, { wanted = EQUAL, partitions = 1, options = {} } = {}) {
  const world = new PlacingWorld();
  const process = world.start(wanted, options);
  await world.createQueues(process, count, { partitions });
  return { world, process };
}

describe('a task that balances storages', () => {
  test('moves partitions until the numbers fit the affinities, and a second one moves nothing', async () => {
    const { world, process } = await start(6);
    const { id } = await process.create(REBALANCE);
    expect(await world.ended('rebalance')).toMatchObject({ state: 'done', matched: 3, done: 3, failed: 0 });
    expect(await world.counts()).toEqual({ near: 3, far: 3 });
    for (let n = 0; n < 6; n++) expect(await world.payloads(`q${n}`)).toHaveLength(3);
    expect((await world.show(process, id)).moves).toEqual([]);
    const { id: second } = await process.create(REBALANCE);
    await world.until(async () => (await world.show(process, second)).state === 'done');
    expect(await world.show(process, second)).toMatchObject({ matched: 0, done: 0 });
    expect(await world.tasks('move_partition')).toHaveLength(3);
  });

  test('goes by what partitions hold, and begins with what helps most', async () => {
    const { world, process } = await start(0);
    for (const [name, megabytes] of [
      ['large', 60],
      ['middle', 40],
      ['small', 10],
      ['empty', 0],
    ] as const)
      await world.createLarge(process, name, 'near', megabytes);
    await process.create(REBALANCE);
    expect(await world.ended('rebalance')).toMatchObject({ state: 'done', done: 1 });
    expect(await world.placed()).toEqual({
      large: ['far'],
      middle: ['near'],
      small: ['near'],
      empty: ['near'],
    });
  });

  test('goes by affinities, and spreads the partitions of a queue', async () => {
    const wanted = { near: { affinity: 1 }, far: { affinity: 2 } };
    const { world, process } = await start(2, { wanted, partitions: 3 });
    await process.create({ ...REBALANCE, atOnce: 8 });
    await world.ended('rebalance');
    expect(await world.counts()).toEqual({ near: 2, far: 4 });
    const ofQueue = Object.values(await world.placed());
    expect(ofQueue.map((placed) => placed.filter((name) => name === 'near').length)).toEqual([1, 1]);
  });

  test('shows in a dry run what would move, and moves nothing', async () => {
    const { world, process } = await start(4);
    const { id } = await process.create({ ...REBALANCE, dryRun: true });
    expect(await world.ended('rebalance')).toMatchObject({ state: 'done', matched: 2, done: 0 });
    expect((await world.show(process, id)).moves).toEqual([
      { queue: 'q0', partition: 0, from: 'near', to: 'far', items: 3 },
      { queue: 'q1', partition: 0, from: 'near', to: 'far', items: 3 },
    ]);
    expect(await world.counts()).toEqual({ near: 4 });
  });

  test('leaves storages alone that take no partitions, and those that drain', async () => {
    const wanted = { near: { affinity: 0 }, far: { affinity: 1 }, third: { affinity: 1 } };
    const { world, process } = await start(4, { wanted });
    const { id } = await process.create({ ...REBALANCE, dryRun: true });
    expect(await world.ended('rebalance')).toMatchObject({ matched: 0 });
    expect((await world.show(process, id)).moves).toEqual([]);
    world.make({ near: { affinity: 1 }, far: { affinity: 0, drain: true }, third: { affinity: 1 } });
    const other = world.start({ near: { affinity: 1 }, far: { affinity: 1 }, third: { affinity: 1 } });
    const { id: second } = await other.create(REBALANCE);
    await world.until(async () => (await world.show(other, second)).state !== 'running');
    expect(await world.counts()).toEqual({ near: 2, third: 2 });
  });

  test('moves two at a time unless it is told otherwise, and shows what moves and what comes', async () => {
    const { world, process } = await start(8);
    const goOn = holdMoves(process);
    const { id } = await process.create(REBALANCE);
    await world.clock.advance('30s');
    expect(await world.tasks('move_partition')).toHaveLength(2);
    const { moves } = await world.show(process, id);
    expect(moves.map(({ queue, task }) => [queue, task !== undefined])).toEqual([
      ['q0', true],
      ['q1', true],
      ['q2', false],
      ['q3', false],
    ]);
    goOn();
    expect(await world.ended('rebalance')).toMatchObject({ state: 'done', matched: 4, done: 4 });
  });

  test('goes back with the moves that run when it is cancelled', async () => {
    const { world, process } = await start(6);
    const goOn = holdMoves(process);
    const { id } = await process.create(REBALANCE);
    await world.until(async () => (await world.tasks('move_partition', 'running')).length === 2);
    await process.service.tasks.cancel(id);
    expect(await world.ended('rebalance')).toMatchObject({ state: 'cancelled' });
    goOn();
    await world.clock.advance('1m');
    expect((await world.tasks('move_partition')).map(({ state }) => state)).toEqual([
      'cancelled',
      'cancelled',
    ]);
    expect(await world.counts()).toEqual({ near: 6 });
  });

  test('tries a move five times, with growing pauses, and then ends with the reason', async () => {
    let asked = 0;
    const requireStorage = async () => {
      asked++;
      throw unavailable('retry', "storage 'far' is not configured on server 'old'");
    };
    const { world, process } = await start(2, { options: { requireStorage } });
    const { id } = await process.create(REBALANCE);
    await world.clock.advance('20s');
    expect(await world.show(process, id)).toMatchObject({
      state: 'running',
      error: expect.stringContaining('old'),
    });
    expect(asked).toBeLessThan(4);
    const { state, error } = await world.ended('rebalance');
    expect(state).toBe('failed');
    expect(error).toMatch(
      /^partition 0 of queue 'q[01]' stays on storage 'near': storage 'far' is not configured on server 'old'; 1 more$/,
    );
    expect(asked).toBe(10);
  });

  test('waits for a storage that does not answer', async () => {
    const { world, process } = await start(4);
    process.onCall = (name) => (name === 'queues.list' ? 'fails' : 'goes on');
    const { id } = await process.create(REBALANCE);
    await world.clock.advance('1m');
    expect(await world.show(process, id)).toMatchObject({ state: 'running', done: 0 });
    process.onCall = () => 'goes on';
    expect(await world.ended('rebalance')).toMatchObject({ state: 'done', done: 2 });
  });

  test('passes over a queue that was deleted, and a partition that moved meanwhile', async () => {
    const { world, process } = await start(8);
    const goOn = holdMoves(process);
    await process.create({ ...REBALANCE, atOnce: 1 });
    await world.until(async () => (await world.tasks('move_partition', 'running')).length === 1);
    await process.service.queues.delete('q1', true);
    const store = world.backend.queueStore();
    const { createdAt } = (await store.get('q2')) ?? {};
    await store.place?.('q2', createdAt as never, 0, (placement) => ({ ...placement, storageName: 'far' }));
    goOn();
    await world.until(async () => {
      const [task] = await world.tasks('rebalance');
      expect(task?.error).toBeUndefined();
      return task?.state === 'done';
    });
    expect((await world.tasks('move_partition')).map(({ queue }) => queue)).not.toContain('q2');
    const { near = 0, far = 0 } = await world.counts();
    expect([near + far, Math.abs(near - far)]).toEqual([7, 1]);
  });

  test.each(['dies before', 'dies after'] as const)(
    'loses nothing and moves nothing twice if its server %s a call, whichever it is',
    { timeout: 120_000 },
    async (fate) => {
      let deaths = 0;
      for (let at = 0, hasDied = true; hasDied; at += 3) {
        const world = new PlacingWorld();
        const victim = world.make(EQUAL);
        await world.createQueues(victim, 4);
        await victim.create(REBALANCE);
        let call = 0;
        victim.onCall = (name) => (!name.startsWith('partition.') && call++ === at ? fate : 'goes on');
        victim.service.tasks.start();
        await world.until(async () => victim.isDead || (await world.tasks('rebalance', 'done')).length > 0);
        hasDied = victim.isDead;
        if (hasDied) deaths++;
        world.start(EQUAL);
        expect(await world.ended('rebalance')).toMatchObject({ state: 'done' });
        await world.until(async () => (await world.tasks('move_partition', 'running')).length === 0);
        expect(await world.counts()).toEqual({ near: 2, far: 2 });
        for (const name of ['q0', 'q1', 'q2', 'q3']) expect(await world.payloads(name)).toHaveLength(3);
        expect(await world.tasks('move_partition')).toHaveLength(2);
      }
      expect(deaths).toBeGreaterThan(15);
    },
  );

  test.each([
    [{ queueName: 'q0' }, "queue_name is invalid; a task of the kind 'rebalance' takes none"],
    [{ storageName: 'far' }, "storage_name is invalid; a task of the kind 'rebalance' takes none"],
    [{ force: true }, "force is invalid; a task of the kind 'rebalance' takes none"],
    [{ filter: { kind: 'x' } }, "filter is invalid; a task of the kind 'rebalance' takes none"],
    [{ atOnce: 9 }, 'at_once is invalid; expected a number from 1 to 8, or 0 for the default'],
  ])('refuses %j', async (call, message) => {
    const { world, process } = await start(1);
    await expect(process.create({ ...REBALANCE, ...call })).rejects.toThrow(message);
    expect(await world.tasks('rebalance')).toEqual([]);
  });

  test('is refused while one runs', async () => {
    const { process } = await start(4);
    holdMoves(process);
    await process.create(REBALANCE);
    await expect(process.create(REBALANCE)).rejects.toMatchObject({ code: 'retry', reason: 'unavailable' });
  });
});
