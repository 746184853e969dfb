import { decorateStore, STORAGE_BACKEND, type StorageBackend, unavailable } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { queueCall } from '../support/harness.ts';
import { DRAINS, PlacingWorld, type WantedStorages } from '../support/placing-world.ts';
import type { TaskProcess } from '../support/task-processes.ts';

const OPEN: WantedStorages = { near: { affinity: 0 }, far: { affinity: 2 }, third: { affinity: 1 } };

/** A world with queues on the storage that drains. */
async function start(count: number, options: { partitions?: number } = {}) {
  const world = new PlacingWorld();
  const maker = world.make(OPEN);
  await world.createQueues(maker, count, options);
  await maker.service.shutdown();
  world.view = undefined;
  return world;
}

/** Keeps the moves of a process from their switch. @returns lets them go on. */
function holdMoves(process: TaskProcess): () => void {
  process.onCall = (name) => (name === 'moves.close' ? 'fails' : 'goes on');
  return () => {
    process.onCall = () => 'goes on';
  };
}

/** Changes what one storage claims to be able to do. */
function claiming(name: string, claims: Partial<StorageBackend['capabilities']>) {
  return (storage: StorageBackend): StorageBackend =>
    storage.name === name
      ? {
          ...decorateStore(STORAGE_BACKEND, storage, (_, call) => call),
          capabilities: { ...storage.capabilities, ...claims },
        }
      : storage;
}

function stateOf(process: TaskProcess) {
  const [state] = process.service.drains.states();
  if (state === undefined) throw new Error('nothing drains');
  return state;
}

describe('a storage that drains', () => {
  test('gives its partitions to the others by affinity, and says when it can be switched off', async () => {
    const world = await start(6);
    const process = world.start();
    expect(stateOf(process)).toMatchObject({ partitions: undefined, canBeSwitchedOff: false });
    await world.until(() => stateOf(process).canBeSwitchedOff);
    expect(await world.counts()).toEqual({ far: 4, third: 2 });
    for (let n = 0; n < 6; n++)
      expect(await world.payloads(`q${n}`)).toEqual([`q${n}/0`, `q${n}/1`, `q${n}/2`]);
    expect(stateOf(process)).toEqual({ storage: 'near', partitions: 0, holds: [], canBeSwitchedOff: true });
    const [task] = await world.tasks('drain');
    expect(task).toMatchObject({ state: 'done', matched: 6, done: 6, failed: 0 });
    expect(process.logged.filter((line) => line.startsWith('storage '))).toEqual([
      'storage drains',
      'storage is empty and can be switched off',
    ]);
  });

  test('moves two partitions at a time, and those of one queue one after the other', async () => {
    const world = await start(3, { partitions: 2 });
    const process = world.start();
    const running = async () => (await world.tasks('move_partition', 'running')).map(({ queue }) => queue);
    for (const ended of [0, 2, 4]) {
      const goOn = holdMoves(process);
      await world.clock.advance('30s');
      expect(new Set(await running()).size).toBe(2);
      expect((await world.tasks('drain'))[0]?.error).toBeUndefined();
      expect(await world.tasks('move_partition')).toHaveLength(ended + 2);
      goOn();
      await world.until(async () => (await world.tasks('move_partition', 'done')).length >= ended + 2, {
        step: '20ms',
      });
    }
    await world.until(() => stateOf(process).canBeSwitchedOff);
  });

  test('moves one partition of a queue at a time, and calls that no failure', async () => {
    const world = await start(1, { partitions: 2 });
    const process = world.start();
    const goOn = holdMoves(process);
    await world.clock.advance('30s');
    expect(await world.tasks('move_partition')).toHaveLength(1);
    expect((await world.tasks('drain'))[0]?.error).toBeUndefined();
    goOn();
    await world.until(() => stateOf(process).canBeSwitchedOff);
  });

  test('is drained by one task, however many servers there are', async () => {
    const world = await start(5);
    const processes = [world.start(), world.start(), world.start()];
    await world.until(() => processes.every((process) => stateOf(process).canBeSwitchedOff));
    expect(await world.tasks('drain')).toHaveLength(1);
    expect(await world.tasks('move_partition')).toHaveLength(5);
  });

  test('is drained again when a partition comes to it, and says so', async () => {
    const world = await start(1);
    const process = world.start();
    await world.until(() => stateOf(process).canBeSwitchedOff);
    const stale = world.make(OPEN);
    await stale.service.queues.create(queueCall('late'), {
      partitions: [{ partition: 0, storageName: 'near' }],
    });
    await world.until(() => !stateOf(process).canBeSwitchedOff);
    expect(process.logged).toContain('storage cannot be switched off any more');
    await world.until(() => stateOf(process).canBeSwitchedOff);
    expect(await world.tasks('drain')).toHaveLength(2);
  });

  test.each(['dies before', 'dies after'] as const)(
    'loses nothing and moves nothing twice if its server %s a call, whichever it is',
    { timeout: 120_000 },
    async (fate) => {
      let deaths = 0;
      for (let at = 0, hasDied = true; hasDied; at += 3) {
        const world = await start(2);
        const victim = world.make();
        let call = 0;
        victim.onCall = (name) => (counts(name) && call++ === at ? fate : 'goes on');
        victim.service.tasks.start();
        victim.service.drains.start();
        await world.until(async () => victim.isDead || (await world.tasks('drain', 'done')).length > 0);
        hasDied = victim.isDead;
        if (hasDied) deaths++;
        world.end(victim, 'p1');
        const heir = world.start();
        await world.until(() => stateOf(heir).canBeSwitchedOff);
        const { near = 0, far = 0, third = 0 } = await world.counts();
        expect([near, far + third]).toEqual([0, 2]);
        for (const name of ['q0', 'q1']) expect(await world.payloads(name)).toHaveLength(3);
        expect(await world.tasks('move_partition')).toHaveLength(2);
        await heir.service.shutdown();
      }
      expect(deaths).toBeGreaterThan(20);
    },
  );

  test('waits for a server that lacks the storage, names it, and tries again with growing pauses', async () => {
    const world = await start(1);
    let asked = 0;
    let lacks = true;
    const requireStorage = async () => {
      asked++;
      if (lacks) throw unavailable('retry', "storage 'far' is not configured on server 'old'");
    };
    const process = world.start(DRAINS, { requireStorage });
    await world.until(() => stateOf(process).holds.length > 1, { seconds: 30 });
    expect(stateOf(process).holds).toEqual([
      '1 partition is left',
      "partition 0 of queue 'q0' stays on storage 'near': storage 'far' is not configured on server 'old'",
    ]);
    const [task] = await world.tasks('drain');
    expect((await world.show(process, task?.id ?? '')).moves).toEqual([
      expect.objectContaining({ queue: 'q0', from: 'near', error: expect.stringContaining("server 'old'") }),
    ]);
    await world.clock.advance('10m');
    // 5 s, 10 s, … 5 min: two calls each, for the source and the target, of which the first fails.
    expect(asked).toBeGreaterThan(4);
    expect(asked).toBeLessThan(12);
    lacks = false;
    await world.until(() => stateOf(process).canBeSwitchedOff, { seconds: 330 });
  });

  test('tries a move again whose task was cancelled', async () => {
    const world = await start(1);
    const process = world.start();
    const goOn = holdMoves(process);
    await world.until(async () => (await world.tasks('move_partition', 'running')).length === 1);
    const [move] = await world.tasks('move_partition');
    await process.service.tasks.cancel(move?.id ?? '');
    await world.until(async () => (await world.tasks('move_partition', 'cancelled')).length === 1);
    goOn();
    await world.until(() => stateOf(process).holds.length > 1, { seconds: 30 });
    expect(stateOf(process).holds[1]).toBe(
      `partition 0 of queue 'q0' stays on storage 'near': its task ${move?.id} was cancelled`,
    );
    await world.until(() => stateOf(process).canBeSwitchedOff);
    expect((await world.tasks('move_partition')).map(({ state }) => state)).toEqual(['done', 'cancelled']);
    expect(await world.payloads('q0')).toHaveLength(3);
  });

  test('stops after the moves that run once no server is configured to drain it', async () => {
    const world = await start(5);
    const process = world.start();
    holdMoves(process);
    await world.until(async () => (await world.tasks('move_partition', 'running')).length === 2);
    world.end(process, 'p1');
    world.start(OPEN);
    expect(await world.ended('drain')).toMatchObject({ state: 'cancelled' });
    await world.clock.advance('1m');
    const moves = await world.tasks('move_partition');
    expect(moves.map(({ state }) => state)).toEqual(moves.map(() => 'done'));
    expect([moves.length, (await world.counts())['near']]).toEqual([2, 3]);
  });

  test('goes on while it is not known what servers are configured to do', async () => {
    const world = await start(3);
    const starter = world.start();
    await world.until(async () => (await world.tasks('drain')).length > 0, { step: '50ms' });
    world.end(starter, 'p1');
    world.start(OPEN);
    world.view = undefined;
    expect(await world.ended('drain')).toMatchObject({ state: 'done' });
  });

  test('names a server that places partitions there, and moves that end there', async () => {
    const world = await start(0);
    world.make({ ...OPEN, near: { affinity: 3 } });
    const process = world.start();
    await world.until(() => stateOf(process).partitions === 0);
    expect(stateOf(process)).toMatchObject({
      canBeSwitchedOff: false,
      holds: ["server 'p1' places new partitions there; set the affinity to 0 at that server"],
    });
  });

  test('names a server that is too old to say', async () => {
    const world = await start(0);
    const process = world.start();
    world.view = world.view && {
      ...world.view,
      unrecorded: [{ id: '1', name: 'database session 4711', text: '' }],
    };
    await world.until(() => stateOf(process).partitions === 0);
    expect(stateOf(process).holds).toEqual([
      "server 'database session 4711' is too old to say whether it places new partitions there; upgrade or stop it",
    ]);
  });

  test.each([
    [{ near: { affinity: 0, drain: true } }, 'no storage can take the partitions'],
    [{ ...DRAINS, far: { affinity: 0 }, third: { affinity: 0 } }, 'no storage can take the partitions'],
  ] as readonly [WantedStorages, string][])(
    'says that no other storage takes its partitions',
    async (wanted, text) => {
      const world = await start(1);
      const process = world.start(wanted);
      await world.until(() => stateOf(process).holds.length > 1);
      expect(stateOf(process).holds.join()).toContain(text);
    },
  );

  test('says that its driver has no moves', async () => {
    const world = await start(1);
    const process = world.start(DRAINS, {}, claiming('near', { moves: false }));
    await world.until(() => stateOf(process).holds.length > 1);
    expect(stateOf(process).holds[1]).toBe(
      "partitions cannot move from storage 'near'; its driver has no moves",
    );
  });

  test('keeps what does not survive elsewhere, unless it is forced', async () => {
    const world = await start(1);
    const durable = claiming('near', { durable: true });
    const process = world.start(DRAINS, {}, durable);
    await world.until(() => stateOf(process).holds.length > 1);
    expect(stateOf(process).holds[1]).toContain('no storage can take the partitions');
    world.end(process, 'p1');
    await world.store.requestCancel((await world.tasks('drain'))[0]?.id ?? '');
    const forced = world.start(OPEN, {}, durable);
    await world.ended('drain');
    const { id } = await forced.create({ kind: 'drain', queueName: '', storageName: 'near', force: true });
    await world.until(async () => (await world.show(forced, id)).state === 'done');
    expect(await world.counts()).toEqual({ far: 1 });
  });

  test('goes to no storage that another server drains', async () => {
    const world = await start(3);
    world.make({ ...DRAINS, far: { affinity: 0, drain: true } });
    world.start();
    await world.until(async () => (await world.counts())['near'] === undefined);
    expect(await world.counts()).toEqual({ third: 3 });
  });

  test('stays in use for what the server knows to be there', async () => {
    const world = await start(0);
    const process = world.start(DRAINS, { alsoOn: async (storage) => [`${storage} has the settings`] });
    await world.until(() => stateOf(process).partitions === 0);
    expect(stateOf(process)).toMatchObject({ holds: ['near has the settings'], canBeSwitchedOff: false });
  });

  test('gets no moves by a server that was suspended while the task was cancelled', async () => {
    const world = await start(1);
    const { promise: resumed, resolve: resume } = Promise.withResolvers<void>();
    let isSuspended = false;
    const suspended = world.start(OPEN, {
      requireStorage: () => {
        isSuspended = true;
        suspended.onCall = (name) => (name === 'tasks.save' ? 'fails' : 'goes on');
        return resumed;
      },
    });
    const { id } = await suspended.create({ kind: 'drain', queueName: '', storageName: 'near' });
    await world.until(() => isSuspended);
    await world.store.requestCancel(id);
    world.start(OPEN);
    await world.ended('drain');
    suspended.onCall = () => 'goes on';
    resume();
    await world.clock.advance('1m');
    expect(await world.tasks('move_partition')).toEqual([]);
    expect(await world.counts()).toEqual({ near: 1 });
  });

  test('goes on after a storage has failed', async () => {
    const world = await start(3);
    const process = world.make();
    const random = new SeededRandom(5);
    process.onCall = () => (random.fraction() < 0.15 ? 'fails after' : 'goes on');
    process.service.tasks.start();
    process.service.drains.start();
    await world.until(() => stateOf(process).canBeSwitchedOff);
    for (const name of ['q0', 'q1', 'q2']) expect(await world.payloads(name)).toHaveLength(3);
  });
});

describe('a task that drains a storage', () => {
  const DRAIN = { kind: 'drain', queueName: '', storageName: 'near' };

  test('shows in a dry run what would move, with its items, and moves nothing', async () => {
    const world = await start(3);
    const process = world.start(OPEN);
    const { id } = await process.create({ ...DRAIN, dryRun: true });
    expect(await world.ended('drain')).toMatchObject({ state: 'done', matched: 3, done: 0 });
    expect((await world.show(process, id)).moves).toEqual([
      { queue: 'q0', partition: 0, from: 'near', to: 'far', items: 3 },
      { queue: 'q1', partition: 0, from: 'near', to: 'far', items: 3 },
      { queue: 'q2', partition: 0, from: 'near', to: 'third', items: 3 },
    ]);
    expect(await world.counts()).toEqual({ near: 3 });
  });

  test('runs by a call too, with more moves at the same time, and shows them', async () => {
    const world = await start(6);
    const process = world.start(OPEN);
    const { id } = await process.create({ ...DRAIN, atOnce: 4 });
    let shown = 0;
    await world.until(async () => {
      const { moves, state } = await world.show(process, id);
      shown = Math.max(shown, moves.length);
      return state === 'done';
    });
    expect(shown).toBe(4);
    expect(await world.counts()).toEqual({ far: 4, third: 2 });
  });

  test('goes back with the moves that run when it is cancelled', async () => {
    const world = await start(4);
    const process = world.start(OPEN);
    const goOn = holdMoves(process);
    const { id } = await process.create(DRAIN);
    await world.until(async () => (await world.tasks('move_partition', 'running')).length === 2);
    await process.service.tasks.cancel(id);
    expect(await world.ended('drain')).toMatchObject({ state: 'cancelled' });
    goOn();
    await world.clock.advance('1m');
    expect((await world.tasks('move_partition')).map(({ state }) => state)).toEqual([
      'cancelled',
      'cancelled',
    ]);
    expect(Object.values(await world.placed()).flat()).toEqual(['near', 'near', 'near', 'near']);
  });

  test.each([
    [{ storageName: '' }, 'storage_name is invalid; cannot be empty'],
    [{ storageName: 'none' }, "storage_name is invalid; no such storage 'none'"],
    [
      { storageName: 'far' },
      "storage_name is invalid; storage 'far' takes new partitions, set its affinity to 0",
    ],
    [{ queueName: 'q0' }, "queue_name is invalid; a task of the kind 'drain' takes none"],
    [{ to: 'q0' }, "to is invalid; a task of the kind 'drain' takes none"],
    [{ filter: { kind: 'x' } }, "filter is invalid; a task of the kind 'drain' takes none"],
    [{ partition: 1 }, "partition is invalid; a task of the kind 'drain' takes none"],
    [{ atOnce: 9 }, 'at_once is invalid; expected a number from 1 to 8, or 0 for the default'],
    [{ atOnce: -1 }, 'at_once is invalid; expected a number from 1 to 8, or 0 for the default'],
  ])('refuses %j', async (call, message) => {
    const world = await start(1);
    const process = world.make(OPEN);
    await expect(process.create({ ...DRAIN, ...call })).rejects.toThrow(message);
    expect(await world.tasks('drain')).toEqual([]);
  });

  test('is refused while one runs, and no partition moves to a storage that drains', async () => {
    const world = await start(1);
    const process = world.make();
    await process.create(DRAIN);
    await expect(process.create(DRAIN)).rejects.toMatchObject({ code: 'retry' });
    await process.service.queues.create(queueCall('other'), {
      partitions: [{ partition: 0, storageName: 'far' }],
    });
    const move = { kind: 'move_partition', queueName: 'other', storageName: 'near' };
    await expect(process.create(move)).rejects.toThrow("storage 'near' is to be emptied");
  });

  test('other kinds take no number of moves', async () => {
    const world = await start(1);
    const process = world.make();
    await expect(process.create({ kind: 'delete', queueName: 'q0', atOnce: 3 })).rejects.toThrow(
      "at_once is invalid; a task of the kind 'delete' takes none",
    );
  });
});

/** The calls at which the server is killed. Those of consumers and producers are tested elsewhere. */
function counts(name: string): boolean {
  return !name.startsWith('partition.');
}
