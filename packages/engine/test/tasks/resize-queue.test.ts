import { type LeasedItem, parseDuration, type Queue, unavailable } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import type { Service } from '../../src/index.ts';
import { partitionOfKey } from '../../src/partition/key-places.ts';
import { item, payloadOf } from '../support/harness.ts';
import { KeyedAttempts, plainTexts } from '../support/keyed-attempts.ts';
import { FAULTS } from '../support/move-run.ts';
import { RandomMovers } from '../support/random-movers.ts';
import { RESIZE_CALLS, ResizeWorld } from '../support/resize-run.ts';

const UNDONE = { last: 'task-1', spread: [1] };
/** What a resize to three partitions leaves of a queue that had no dedup keys. */
const ENDED = { ...UNDONE, keys: { number: 1, partitions: 3, earlier: [] } };

/** A key that goes to another partition than the first. */
async function keyElsewhere(world: ResizeWorld): Promise<string> {
  const queue = (await world.queue()) as Queue;
  const keys = Array.from({ length: 20 }, (_, n) => `other${n}`);
  return keys.find((key) => partitionOfKey(queue, key) !== 0) as string;
}

/** A queue of one partition that both servers use. */
async function start(settings: Parameters<ResizeWorld['createQueue']>[0] = {}) {
  const world = new ResizeWorld();
  await world.createQueue(settings);
  for (const service of world.services) await world.produce(service, 'a');
  return world;
}

let clients = 0;
async function lease(world: ResizeWorld, service: Service, batchSize = 100) {
  const call = { queueName: 'q', batchSize, clientId: `c${clients++}`, requestTimeout: '3s' };
  const answer = await world.answered(service.queue.lease(call));
  return 'value' in answer ? answer.value : { partition: 0, items: [] as readonly LeasedItem[] };
}

const complete = (
  world: ResizeWorld,
  service: Service,
  { partition, items }: Awaited<ReturnType<typeof lease>>,
) =>
  world.answered(
    service.queue.complete({
      ...{ queueName: 'q', partition, requestTimeout: '10s' },
      ids: items.map(({ id }) => id),
    }),
  );

describe('a queue that gets more partitions', () => {
  test('has them where the affinities say, and uses them at every server', async () => {
    const world = await start();
    const [one, two] = world.services as [Service, Service];
    const run = await (await world.resize(4)).toEnd();
    expect([run.end, run.counts]).toEqual(['done', { matched: 3, done: 3, failed: 0 }]);
    expect(await world.queue()).toMatchObject({
      requestedPartitions: 4,
      resizes: { last: 'task-1', spread: [1] },
    });
    expect((await world.placed()).slice(1).sort()).toEqual(['far', 'far', 'near']);
    await world.clock.advance('2s');
    for (const text of ['b', 'c', 'd']) await world.produce(one, text);
    for (const text of ['e', 'f', 'g']) await world.produce(two, text);
    const all = await world.inPartitions();
    expect(all.flat().sort()).toEqual(['a', 'a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(all.filter(({ length }) => length === 0)).toEqual([]);
    const leased: string[] = [];
    for (let n = 0; n < 4; n++) {
      const found = await lease(world, n % 2 === 0 ? one : two);
      leased.push(...found.items.map(payloadOf));
      expect(await complete(world, n % 2 === 0 ? two : one, found)).toEqual({ value: undefined });
    }
    expect(leased.sort()).toEqual(['a', 'a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });

  test('is known at once to a server that has not noticed it', async () => {
    const world = await start();
    const [one, two] = world.services as [Service, Service];
    await lease(world, one);
    await (await world.resize(2)).toEnd();
    await one.queues.info('q');
    // The first server learns of it, the second one does not yet.
    await world.answered(
      one.queue.complete({ queueName: 'q', partition: 1, ids: ['x'], requestTimeout: '1s' }),
    );
    await one.storage.importItems({
      queueName: 'q',
      partition: 1,
      items: [{ ...IMPORTED, payload: new TextEncoder().encode('imported') }],
    });
    const found = await two.storage.listItems({ queueName: 'q', partition: 1, pivot: '', limit: 10 });
    expect(found.map(payloadOf)).toEqual(['imported']);
    const text = "partition is invalid; '2' is not a valid partition";
    for (const partition of [2, 5_000, -1]) {
      const call = { queueName: 'q', partition, ids: ['x'], requestTimeout: '1s' };
      await expect(two.queue.complete(call)).rejects.toThrow(text.replace('2', String(partition)));
    }
  });

  test('finds the dedup keys of before, at every server, and new ones again', async () => {
    const world = await start({ requestedPartitions: 1 });
    const keys = Array.from({ length: 12 }, (_, n) => `k${n}`);
    for (const key of keys.slice(0, 6)) await world.produceKeyed(world.service, key);
    const run = await world.resize(5);
    for (const [n, key] of keys.entries()) {
      if (run.end === undefined) await run.step();
      await world.produceKeyed(world.services[n % 2] as Service, key);
    }
    await world.clock.advance('2s');
    for (const [n, key] of keys.entries()) {
      const answer = await world.produceKeyed(world.services[n % 2] as Service, key);
      expect(answer).toMatchObject({ value: [{ duplicate: true }] });
    }
    expect((await world.inPartitions()).flat().filter((text) => text.startsWith('k'))).toHaveLength(12);
  });

  test('takes new dedup keys in all of them, and finds those of before however often it grows', async () => {
    const world = await start();
    const keys = (of: string) => Array.from({ length: 30 }, (_, n) => `${of}${n}`);
    const eras = ['one', 'three', 'six'];
    for (const [n, era] of eras.entries()) {
      for (const key of keys(era)) await world.produceKeyed(world.service, key);
      const run = await world.resize([3, 6, 7][n] as number, { id: era });
      expect((await run.toEnd()).end).toBe('done');
    }
    expect((await world.queue())?.resizes?.keys).toMatchObject({
      ...{ number: 3, partitions: 7 },
      earlier: [{ spread: [1] }, { spread: [3] }, { spread: [6] }],
    });
    const before = await world.inPartitions();
    expect(before.map((texts) => texts.some((text) => text.startsWith('six')))).toEqual([
      ...[true, true, true, true, true, true, false],
    ]);
    for (const key of eras.flatMap(keys)) {
      for (const service of world.services) {
        expect(await world.produceKeyed(service, key)).toMatchObject({ value: [{ duplicate: true }] });
      }
    }
    expect(await world.inPartitions()).toEqual(before);
  });

  test('stores a key once when a server has not noticed that its partition is another one', async () => {
    const world = await start();
    const [one, two] = world.services as [Service, Service];
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    const release = world.near.holdQueues('stamps', 'before');
    await (await world.resize(4)).toEnd();
    for (const key of keys) await world.produceKeyed(one, key);
    for (const key of keys) {
      expect(await world.produceKeyed(two, key)).toMatchObject({ value: [{ duplicate: true }] });
    }
    release();
    const texts = await world.inPartitions();
    expect(texts.flat().filter((text) => text.startsWith('k'))).toHaveLength(20);
    expect(texts.map((own) => own.some((text) => text.startsWith('k')))).toEqual([true, true, true, true]);
  });

  test('keeps its fences when a partition moves', async () => {
    const world = await start();
    await world.produceKeyed(world.service, 'k');
    await (await world.resize(2)).toEnd();
    await (await world.move()).toEnd();
    expect((await world.placed())[0]).toBe('far');
    const moved = world.far.partitionStore({ queue: 'q', partition: 0 });
    const requests = [{ groups: [{ key: 'late', items: [item('late')] }], window: parseDuration('1h') }];
    const options = { expireTimeout: parseDuration('1h'), newKeys: 'store' } as const;
    await expect(moved.produceKeyed?.(requests, options)).rejects.toMatchObject({ closed: true });
    for (const service of world.services) {
      expect(await world.produceKeyed(service, 'k')).toMatchObject({ value: [{ duplicate: true }] });
    }
  });

  test('asks the partitions of before no longer when their keys have ended', async () => {
    const world = await start();
    await world.produceKeyed(world.service, 'earlier', 'earlier', '2m');
    await (await world.resize(4)).toEnd();
    const finds = () => world.near.count('produceKeyed') + world.far.count('produceKeyed');
    const produce = async (of: string) => {
      const calls = finds();
      for (let n = 0; n < 20; n++) await world.produceKeyed(world.service, `${of}${n}`, of, '1m');
      return finds() - calls;
    };
    await produce('a');
    // Those of other partitions are looked for in the first one.
    expect(await produce('b')).toBeGreaterThan(25);
    await world.clock.advance('4m');
    await produce('c');
    expect(await produce('d')).toBe(20);
    expect(await world.produceKeyed(world.service, 'earlier')).toMatchObject({
      value: [{ duplicate: false }],
    });
  });

  test('waits for the partition that may hold a key of before', async () => {
    const world = await start();
    await world.produceKeyed(world.service, 'earlier');
    const [holder] = await world.placed();
    await (await world.resize(4)).toEnd();
    const storage = holder === 'near' ? world.near : world.far;
    const elsewhere = await keyElsewhere(world);
    storage.cut(0);
    expect(await world.produceKeyed(world.service, elsewhere)).toMatchObject({
      error: { code: 'retry', reason: 'unavailable' },
    });
    storage.heal(0);
    await world.clock.advance('1m');
    expect(await world.produceKeyed(world.service, elsewhere)).toMatchObject({
      value: [{ duplicate: false }],
    });
  });

  test('takes dead letters where it took them before', async () => {
    const world = await start();
    await world.service.queues.create({
      ...{ queueName: 'mortal', namespace: '', leaseTimeout: '5s', expireTimeout: '24h' },
      ...{ deadQueue: 'q', maxAttempts: 1, reference: '', requestedPartitions: 1 },
    });
    await (await world.resize(6)).toEnd();
    await world.clock.advance('2s');
    const items = Array.from({ length: 8 }, (_, n) => ({
      ...{ encoding: '', kind: '', reference: '', enqueueAt: undefined },
      payload: new TextEncoder().encode(`m${n}`),
    }));
    await world.answered(world.service.queue.produce({ queueName: 'mortal', requestTimeout: '10s', items }));
    const call = { queueName: 'mortal', batchSize: 8, clientId: 'm', requestTimeout: '3s' };
    await world.answered(world.service.queue.lease(call));
    for (let n = 0; n < 40; n++) await world.clock.advance('2s');
    const [first = [], ...others] = await world.inPartitions();
    expect(first.filter((text) => text.startsWith('m')).sort()).toEqual(items.map((_, n) => `m${n}`));
    expect(others.flat()).toEqual([]);
  });

  test('can use partitions again that have left', async () => {
    const world = await start();
    const claim = { task: 'earlier', generation: 1 };
    for (const storage of [world.near, world.far]) {
      const moves = storage.moveStore({ queue: 'q', partition: 1 });
      await moves.begin(claim, 'source');
      await moves.close(claim);
      await moves.leave(claim);
      await moves.end(claim);
    }
    await (await world.resize(2)).toEnd();
    await world.clock.advance('2s');
    for (const text of ['b', 'c', 'd', 'e']) await world.produce(world.service, text);
    const all = await world.inPartitions();
    expect(all.flat().sort()).toEqual(['a', 'a', 'b', 'c', 'd', 'e']);
    expect(all[1]?.length).toBeGreaterThan(1);
  });

  test('has no effect in a process that was suspended, and replaced', async () => {
    const world = await start();
    const run = await world.resize(3);
    const other = run.takenOver();
    await other.step();
    await expect(run.step()).rejects.toMatchObject({ stale: true });
    await expect(run.undo()).rejects.toMatchObject({ stale: true });
    await other.toEnd();
    expect(await world.placed()).toHaveLength(3);
    // A later one, and then a process that goes on with the first.
    const second = await (await world.resize(4, { id: 'task-2' })).toEnd();
    expect(second.end).toBe('done');
    const late = run.takenOver();
    await late.step();
    expect(late.end).toEqual({ error: 'another task has changed the number of partitions' });
    expect(await world.placed()).toHaveLength(4);
  });

  test('has no effect if its process is replaced between two changes of the record', async () => {
    for (const then of ['undone', 'gone on with'] as const) {
      const world = await start();
      const run = await world.resize(3);
      run.onRecord(async (change) => {
        if (change !== 2) return;
        const other = run.takenOver();
        if (then === 'undone') await other.undo();
        else await other.toEnd();
      });
      await expect(run.step()).rejects.toMatchObject({ stale: true });
      expect(await world.placed()).toHaveLength(then === 'undone' ? 1 : 3);
      expect((await world.queue())?.resizes).toEqual(then === 'undone' ? UNDONE : ENDED);
    }
  });

  test('adds nothing twice when a change of the record arrives late', async () => {
    const world = await start();
    const run = await world.resize(3);
    run.onRecord(async (change) => {
      if (change === 2) await run.again().step();
    });
    await run.step();
    expect(await world.placed()).toHaveLength(3);
    expect((await run.toEnd()).end).toBe('done');
  });

  test('is done if its process dies before that is stored', async () => {
    const world = await start();
    const run = await world.resize(3);
    await run.step();
    await run.step(false);
    expect((await run.takenOver().toEnd()).end).toBe('done');
    const undone = run.takenOver();
    await undone.undo();
    expect(undone.end).toBe('done');
    expect(await world.placed()).toHaveLength(3);
  });

  test('serves a consumer that waits with what another server stores in a new partition', async () => {
    const world = await start();
    const [one, two] = world.services as [Service, Service];
    for (let n = 0; n < 2; n++) await complete(world, one, await lease(world, one));
    await (await world.resize(2)).toEnd();
    await world.answered(
      one.queue.complete({ queueName: 'q', partition: 1, ids: ['x'], requestTimeout: '1s' }),
    );
    const call = { queueName: 'q', partition: 1, items: [{ ...IMPORTED, payload: new Uint8Array([97]) }] };
    await one.storage.importItems(call);
    // The second server learns of the partition from this call.
    await two.storage.listItems({ queueName: 'q', partition: 1, pivot: '', limit: 10 });
    const depth = await two.depth('q');
    expect(depth).toMatchObject({ waiting: 1, uncounted: 0 });
    expect((await lease(world, two)).items.map(payloadOf)).toEqual(['a']);
  });

  test('waits while a server cannot use a storage of new partitions', async () => {
    const world = await start();
    const run = await world.resize(3);
    world.lacking = unavailable('retry', 'not here');
    await expect(run.step()).rejects.toThrow('not here');
    expect(await world.placed()).toHaveLength(1);
    world.lacking = undefined;
    expect((await run.takenOver().toEnd()).end).toBe('done');
    world.lacking = unavailable('retry', 'not here');
    await expect(world.prepareResize({ partitions: 4 })).rejects.toThrow('not here');
  });

  test('goes back when it is cancelled before it has them, and finishes after that', async () => {
    for (let steps = 0; ; steps++) {
      const world = await start();
      const run = await world.resize(3);
      for (let n = 0; n < steps && run.end === undefined; n++) await run.step();
      const hasThem = (await world.placed()).length === 3;
      const other = run.takenOver();
      while (other.end === undefined) await other.undo();
      expect(await world.placed()).toHaveLength(hasThem ? 3 : 1);
      expect((await world.queue())?.resizes).toEqual(hasThem ? ENDED : UNDONE);
      await world.clock.advance('2s');
      for (const text of ['b', 'c', 'd']) await world.produce(world.service, text);
      expect((await world.inPartitions()).flat().sort()).toEqual(['a', 'a', 'b', 'c', 'd']);
      if (run.end !== undefined) break;
    }
  });

  test('only counts in a dry run', async () => {
    const world = await start();
    const run = await (await world.resize(4, { dryRun: true })).toEnd();
    expect(run.counts).toEqual({ matched: 3, done: 0, failed: 0 });
    expect((await world.queue())?.resizes).toBeUndefined();
  });

  test('ends when the queue is deleted', async () => {
    const world = await start();
    const run = await world.resize(4);
    await world.answered(world.service.queues.delete('q', true));
    await world.createQueue();
    await run.step();
    expect(run.end).toEqual({ error: 'the queue was deleted' });
    expect(await world.placed()).toHaveLength(1);
  });

  test.each([
    [{ partitions: 0 }, 'partitions is invalid; cannot be less than 1'],
    [{ partitions: 1_025 }, 'partitions is invalid; cannot be greater than 1024'],
    [{ partitions: 1 }, 'partitions is invalid; that is the number of partitions that the queue has'],
    [{ partitions: 2, filter: { kind: 'x' } }, 'filter is invalid; a resize concerns all items of the queue'],
    [{ partitions: 2, to: 'x' }, "to is invalid; a task of the kind 'resize' takes partitions instead"],
    [{ partitions: 2, partition: 1 }, "partition is invalid; a task of the kind 'resize'"],
    [{ partitions: 2, storageName: 'far' }, "storage_name is invalid; a task of the kind 'resize'"],
    [{ partitions: 2, force: true }, "force is invalid; a task of the kind 'resize'"],
  ])('is refused with %o', async (call, text) => {
    const world = await start();
    await expect(world.prepareResize(call)).rejects.toThrow(text);
  });

  describe.each(RESIZE_CALLS)('if the storage call %s fails', (call) => {
    test.each(FAULTS)('(%s) ends with all partitions in use, in another process too', async (how) => {
      for (let steps = 0; ; steps++) {
        const world = await start();
        let run = await world.resize(3);
        for (let n = 0; n < steps && run.end === undefined; n++) await run.step();
        if (run.end !== undefined) break;
        world.failResize(call, how);
        await run.step().catch(() => {});
        world.heal();
        await world.produce(world.service, 'h');
        run = await run.takenOver().toEnd();
        expect(run.end).toBe('done');
        await world.clock.advance('2s');
        for (const text of ['i', 'j', 'k']) await world.produce(world.services[1] as Service, text);
        const all = await world.inPartitions();
        expect(all.flat().sort()).toEqual(['a', 'a', 'h', 'i', 'j', 'k']);
        expect(all).toHaveLength(3);
        expect((await world.queue())?.resizes).toEqual(ENDED);
      }
    });
  });

  const seeds = Array.from({ length: 60 }, (_, n) => n + 1);
  test.each(seeds)('loses and doubles nothing, whatever happens in between (seed %i)', async (seed) => {
    const random = new SeededRandom(seed);
    const draw = <T>(all: readonly T[]) => all[Math.floor(random.fraction() * all.length)] as T;
    const world = await start({ leaseTimeout: '10m', expireTimeout: '24h' });
    const stored = ['a', 'a'];
    const keyed = new KeyedAttempts(world, '30m');
    await keyed.produce(draw(world.services), 'e0', 'e1', 'e2', 'e3');
    const movers = new RandomMovers(await world.resize(2 + (seed % 4)), draw);
    for (let n = 0; n < 30; n++) {
      const service = draw(world.services);
      switch (
        draw(['step', 'step', 'fault', 'killed', 'stale', 'produce', 'keyed', 'again', 'both', 'time'])
      ) {
        case 'step':
          await movers.step();
          break;
        case 'fault':
          world.failResize(draw(RESIZE_CALLS), draw(FAULTS));
          await movers.step();
          world.heal();
          break;
        case 'killed':
          await movers.takeOver();
          break;
        case 'stale':
          await movers.stepOfSuspended();
          break;
        case 'produce':
          if ('value' in (await world.produce(service, `p${n}`))) stored.push(`p${n}`);
          break;
        case 'keyed':
          await keyed.produce(service, `k${n}`, `l${n}`);
          break;
        case 'again':
          await keyed.produce(service, draw(keyed.keys), draw(keyed.keys));
          break;
        case 'both':
          await Promise.all([
            movers.step(),
            ...world.services.map((each) => keyed.produce(each, `b${n}`, draw(keyed.keys))),
          ]);
          break;
        default:
          await world.clock.advance('1s');
      }
    }
    const run = movers.run.takenOver();
    const cancelled = random.fraction() < 0.3;
    while (run.end === undefined) await (cancelled ? run.undo() : run.step());
    if (!cancelled) expect(await world.placed()).toHaveLength(2 + (seed % 4));
    await world.clock.advance('2s');
    for (const service of world.services) await keyed.produce(service, ...keyed.keys);
    const all = (await world.inPartitions()).flat();
    expect(plainTexts(all).toSorted()).toEqual(stored.toSorted());
    keyed.check(all);
    const seen: string[] = [];
    for (let n = 0; n < 6; n++) {
      const found = await lease(world, draw(world.services));
      seen.push(...found.items.map(payloadOf));
      if (found.items.length > 0)
        expect(await complete(world, draw(world.services), found)).toEqual({ value: undefined });
    }
    expect(seen.sort()).toEqual(all.toSorted());
  });
});

const IMPORTED = {
  ...{ encoding: '', kind: '', reference: '', isLeased: false, attempts: 0, maxAttempts: 0 },
  payload: new Uint8Array(),
};
