import { type LeasedItem, unavailable } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import type { Service } from '../../src/index.ts';
import { payloadOf } from '../support/harness.ts';
import { KeyedAttempts, plainTexts } from '../support/keyed-attempts.ts';
import { FAULTS } from '../support/move-run.ts';
import { RandomMovers } from '../support/random-movers.ts';
import { LEAVING_CALLS, ResizeWorld } from '../support/resize-run.ts';

/** A queue that got more partitions, each with an item, and both servers know them. */
async function start(partitions = 4, settings: Parameters<ResizeWorld['createQueue']>[0] = {}) {
  const world = new ResizeWorld();
  await world.createQueue({ leaseTimeout: '1m', expireTimeout: '24h', ...settings });
  for (const service of world.services) await service.queues.info('q');
  await (await world.resize(partitions, { id: 'more' })).toEnd();
  for (const service of world.services) await service.storage.listItems(LIST);
  for (let n = 0; n < partitions; n++) await world.produce(world.service, `p${n}`);
  return world;
}

const LIST = { queueName: 'q', partition: 0, pivot: '', limit: 10 };

let clients = 0;
interface Held {
  readonly partition: number;
  readonly items: readonly LeasedItem[];
}

async function lease(world: ResizeWorld, service: Service, batchSize = 1): Promise<Held> {
  const call = { queueName: 'q', batchSize, clientId: `c${clients++}`, requestTimeout: '3s' };
  const answer = await world.answered(service.queue.lease(call));
  return 'value' in answer ? answer.value : { partition: 0, items: [] };
}

const complete = (world: ResizeWorld, service: Service, { partition, items }: Held) =>
  world.answered(
    service.queue.complete({
      ...{ queueName: 'q', partition, requestTimeout: '10s' },
      ids: items.map(({ id }) => id),
    }),
  );

/** Leases and completes all that waits. */
async function consume(world: ResizeWorld, service: Service): Promise<string[]> {
  const seen: string[] = [];
  for (;;) {
    const held = await lease(world, service, 10);
    if (held.items.length === 0) return seen;
    seen.push(...held.items.map(payloadOf));
    expect(await complete(world, service, held)).toEqual({ value: undefined });
  }
}

describe('a queue that gets fewer partitions', () => {
  test('loses its last ones once consumers have emptied them', async () => {
    const world = await start();
    const [one, two] = world.services as [Service, Service];
    const run = await world.resize(2);
    await run.step();
    expect(run.end).toBeUndefined();
    expect(await world.placed()).toHaveLength(4);
    await world.clock.advance('2s');
    for (let n = 0; n < 6; n++) await world.produce(n % 2 === 0 ? one : two, `later ${n}`);
    const [, , third, fourth] = await world.inPartitions();
    expect([third?.length, fourth?.length]).toEqual([1, 1]);
    // Those that are to leave are emptied first.
    const first = [await lease(world, one), await lease(world, two)];
    expect(first.map(({ partition }) => partition).sort()).toEqual([2, 3]);
    for (const held of first) await complete(world, two, held);
    await run.toEnd();
    expect([run.end, run.counts]).toEqual(['done', { matched: 2, done: 2, failed: 0 }]);
    expect(await world.queue()).toMatchObject({
      ...{ requestedPartitions: 2, resizes: { last: 'task-1', spread: [1] } },
      partitions: [{ partition: 0 }, { partition: 1 }],
    });
    expect((await world.queue())?.resizes?.current).toBeUndefined();
    const rest = [...(await consume(world, one)), ...(await consume(world, two))];
    expect(rest).toHaveLength(8);
  });

  test('keeps leases and retries in the partitions that leave until they have ended', async () => {
    const world = await start(2);
    const [one, two] = world.services as [Service, Service];
    const run = await world.resize(1);
    await run.step();
    await world.clock.advance('2s');
    const held = await lease(world, one);
    expect(held.partition).toBe(1);
    await run.step();
    expect(run.end).toBeUndefined();
    const items = held.items.map(({ id }) => ({ id, dead: false, retryAt: undefined }));
    const retried = await world.answered(two.queue.retry({ queueName: 'q', partition: 1, items }));
    expect(retried).toEqual({ value: undefined });
    await run.step();
    expect(run.end).toBeUndefined();
    const again = await lease(world, two);
    expect(again).toMatchObject({ partition: 1, items: [{ attempts: 2 }] });
    // The lease ends, and the item waits there again.
    await world.clock.advance('61s');
    await run.step();
    expect(run.end).toBeUndefined();
    expect(await complete(world, one, await lease(world, one))).toEqual({ value: undefined });
    await run.toEnd();
    // A server that has not noticed it finds the partition closed, and asks to try again.
    const late = [await complete(world, two, again), await complete(world, two, again)];
    expect(late).toMatchObject([
      { error: { code: 'retry', reason: 'unavailable' } },
      { error: { code: 'invalid', reason: 'no_such_partition' } },
    ]);
  });

  test('is known to a server that has not noticed it: nothing goes to a partition that has left', async () => {
    const world = await start();
    const [one, two] = world.services as [Service, Service];
    await consume(world, one);
    const run = await world.resize(1);
    // The second server does not read the record in between.
    const release = world.near.holdQueues('stamps', 'before');
    await run.toEnd();
    for (let n = 0; n < 8; n++) expect(await world.produce(two, `late ${n}`)).toEqual({ value: undefined });
    release();
    expect((await world.inPartitions()).map(({ length }) => length)).toEqual([8]);
    expect(await consume(world, two)).toHaveLength(8);
    expect(await consume(world, one)).toEqual([]);
  });

  test('delays no producer of a server that has not noticed it', async () => {
    const world = await start();
    const [one, two] = world.services as [Service, Service];
    const release = world.near.holdQueues('stamps', 'before');
    const run = await world.resize(1);
    await run.step();
    for (const service of [one, two]) {
      const start = world.clock.now();
      for (let n = 0; n < 6; n++) await world.produce(service, `later ${n}`);
      expect(Number(world.clock.now() - start) / 1e6).toBeLessThan(2);
    }
    release();
    expect((await world.inPartitions()).map(({ length }) => length)).toEqual([13, 1, 1, 1]);
  });

  test('begins nothing in a process that may have lost its task', async () => {
    const world = await start(2);
    const run = await world.resize(1);
    run.isHeld = false;
    await expect(run.step()).rejects.toThrow('another process works on the task');
    expect(await world.isClosedAt(1)).toBe(false);
    const items = [{ encoding: '', kind: '', reference: '', payload: new Uint8Array() }];
    for (const storage of [world.near, world.far]) {
      const store = storage.partitionStore({ queue: 'q', partition: 1 });
      await store.produce([{ items }], 60_000_000_000n as never);
    }
  });

  test('loses no partition more when a change of the record arrives late', async () => {
    const world = await start(3);
    for (;;) {
      const held = await lease(world, world.service);
      if (held.partition === 1) break;
      await complete(world, world.service, held);
    }
    await consume(world, world.service);
    const run = await world.resize(1);
    run.onRecord(async (change) => {
      // The first one takes the task over, and the second one lets keys go elsewhere.
      if (change === 3) await run.again().step();
    });
    await run.step();
    expect(await world.placed()).toHaveLength(2);
  });

  test('takes no imports into partitions that are to leave', async () => {
    const world = await start(2);
    const run = await world.resize(1);
    await run.step();
    await world.clock.advance('2s');
    const item = { ...{ encoding: '', kind: '', reference: '' }, payload: new Uint8Array() };
    const call = {
      queueName: 'q',
      partition: 1,
      items: [{ ...item, isLeased: false, attempts: 0, maxAttempts: 0 }],
    };
    for (const service of world.services) {
      await expect(service.storage.importItems(call)).rejects.toMatchObject({
        reason: 'no_such_partition',
        message: "partition is invalid; the queue is to lose partition '1', which takes no more items",
      });
    }
  });

  test('finds the dedup keys of before', async () => {
    const world = await start();
    for (const key of ['k1', 'k2', 'k3']) await world.produceKeyed(world.service, key);
    await consume(world, world.service);
    const run = await world.resize(1);
    await run.step();
    expect(run.end).toBeUndefined();
    for (const key of ['k1', 'k2', 'k3']) {
      const answer = await world.produceKeyed(world.services[1] as Service, key);
      expect(answer).toMatchObject({ value: [{ duplicate: true }] });
    }
    // New ones go to the partition that stays.
    const answer = await world.produceKeyed(world.service, 'k4', 'k4', '24h');
    expect(answer).toMatchObject({ value: [{ duplicate: false, partition: 0 }] });
    await world.clock.advance('59m');
    await run.step();
    expect([run.end, (await world.placed()).length > 1]).toEqual([undefined, true]);
    await world.clock.advance('2m');
    await run.toEnd();
    expect(await world.produceKeyed(world.service, 'k1')).toMatchObject({ value: [{ duplicate: false }] });
    expect(await world.produceKeyed(world.service, 'k4')).toMatchObject({ value: [{ duplicate: true }] });
  });

  test('can get them again', async () => {
    const world = await start(3);
    await consume(world, world.service);
    await (await world.resize(1)).toEnd();
    await (await world.resize(3, { id: 'again' })).toEnd();
    await world.clock.advance('2s');
    for (let n = 0; n < 6; n++) await world.produce(world.services[n % 2] as Service, `p${n}`);
    const all = await world.inPartitions();
    expect(all.flat()).toHaveLength(6);
    expect(all.filter(({ length }) => length === 0)).toEqual([]);
  });

  test('goes back when it is cancelled, but for the partitions that have left', async () => {
    for (let steps = 0; ; steps++) {
      const world = await start();
      const run = await world.resize(1);
      for (let n = 0; n < steps && run.end === undefined; n++) {
        await run.step();
        await world.clock.advance('2s');
        await complete(world, world.service, await lease(world, world.service));
      }
      const { length } = await world.placed();
      const undone = run.takenOver();
      while (undone.end === undefined) await undone.undo();
      expect(await world.placed()).toHaveLength(length);
      expect((await world.queue())?.resizes).toMatchObject({
        ...{ last: 'task-1', spread: [1] },
        keys: { partitions: length, earlier: [] },
      });
      await world.clock.advance('2s');
      const before = await world.inPartitions();
      for (let n = 0; n < 2 * length + 4; n++) await world.produce(world.services[n % 2] as Service, `q${n}`);
      const after = await world.inPartitions();
      expect(after.flat()).toHaveLength(before.flat().length + 2 * length + 4);
      for (const [n, texts] of after.entries()) expect(texts.length).toBeGreaterThan(before[n]?.length ?? 0);
      if (run.end !== undefined) break;
    }
  });

  test('has no effect in a process that was suspended, and replaced', async () => {
    for (const change of [1, 2] as const) {
      const world = await start(2);
      await consume(world, world.service);
      const run = await world.resize(1);
      if (change === 2) await run.step(false).catch(() => {});
      const next = change === 2 ? run.takenOver() : run;
      next.onRecord(async (number) => {
        if (number !== change) return;
        const other = next.takenOver();
        while (other.end === undefined) await other.undo();
        await world.produce(world.service, 'kept');
      });
      await next.step().catch(() => {});
      expect((await world.inPartitions()).flat()).toEqual(change === 1 ? ['kept'] : []);
    }
  });

  test('waits while a server lacks what it takes', async () => {
    const world = await start(2);
    await consume(world, world.service);
    const run = await world.resize(1);
    world.lacking = unavailable('retry', 'not here');
    await expect(run.step()).rejects.toThrow('not here');
    expect(await world.placed()).toHaveLength(2);
    expect(await world.produce(world.service, 'a')).toEqual({ value: undefined });
    world.lacking = undefined;
    await consume(world, world.service);
    expect((await run.toEnd()).end).toBe('done');
  });

  test('counts the items that have to be consumed in a dry run', async () => {
    const world = await start();
    const run = await (await world.resize(1, { dryRun: true })).toEnd();
    expect(run.counts).toEqual({ matched: 3, done: 0, failed: 0 });
    expect(await world.placed()).toHaveLength(4);
  });

  test('ends when the queue is deleted, and a later one has all its partitions', async () => {
    const world = await start(2);
    const run = await world.resize(1);
    await run.step();
    await world.answered(world.service.queues.delete('q', true));
    await world.createQueue();
    await run.takenOver().toEnd();
    await (await world.resize(2, { id: 'new' })).toEnd();
    await world.clock.advance('2s');
    for (let n = 0; n < 4; n++) await world.produce(world.service, `p${n}`);
    expect((await world.inPartitions()).map(({ length }) => length)).toEqual([2, 2]);
  });

  test('loses partitions that it was created with, too', async () => {
    const world = new ResizeWorld();
    await world.service.queues.create({
      ...{ queueName: 'q', namespace: '', leaseTimeout: '1m', expireTimeout: '1h', deadQueue: '' },
      ...{ maxAttempts: 0, reference: '', requestedPartitions: 4 },
    });
    await expect(world.prepareResize({ partitions: 0 })).rejects.toThrow('cannot be less than 1');
    const keys = Array.from({ length: 20 }, (_, n) => `k${n}`);
    for (const key of keys) await world.produceKeyed(world.service, key, key, '10m');
    const run = await world.resize(2);
    await run.step();
    await consume(world, world.service);
    for (const key of keys) {
      const answer = await world.produceKeyed(world.services[1] as Service, key, key, '10m');
      expect(answer).toMatchObject({ value: [{ duplicate: true }] });
    }
    await world.clock.advance('11m');
    expect((await run.toEnd()).end).toBe('done');
    expect(await world.queue()).toMatchObject({
      resizes: { spread: [4, 2], keys: { number: 1, partitions: 2 } },
    });
    for (const key of keys) await world.produceKeyed(world.service, key);
    expect((await world.inPartitions()).map(({ length }) => length > 0)).toEqual([true, true]);
    await (await world.resize(1, { id: 'again' })).step();
    expect((await world.queue())?.resizes?.spread).toEqual([4, 2, 1]);
  });

  test('is refused while a driver cannot find what such partitions hold', async () => {
    const world = new ResizeWorld();
    await world.service.queues.create({
      ...{ queueName: 'q', namespace: '', leaseTimeout: '1m', expireTimeout: '1h', deadQueue: '' },
      ...{ maxAttempts: 0, reference: '', requestedPartitions: 3 },
    });
    for (const storage of [world.near, world.far]) {
      const { partitionStore } = storage;
      storage.partitionStore = (...args) => {
        const { findLetters: _, ...store } = partitionStore.call(storage, ...args);
        return store;
      };
    }
    await expect(world.prepareResize({ partitions: 2 })).rejects.toThrow(
      'partitions is invalid; the queue keeps its first 3 partitions, which a storage cannot let go',
    );
  });

  describe.each(LEAVING_CALLS)('if the storage call %s fails', (call) => {
    test.each(FAULTS)('(%s) ends without the partitions, in another process too', async (how) => {
      for (let steps = 0; ; steps++) {
        const world = await start(3);
        let run = await world.resize(1);
        const seen: string[] = [];
        const consumeSome = async () => {
          await world.clock.advance('2s');
          const held = await lease(world, world.service);
          if ('value' in (await complete(world, world.service, held)))
            seen.push(...held.items.map(payloadOf));
        };
        for (let n = 0; n < steps && run.end === undefined; n++) {
          await run.step();
          await consumeSome();
        }
        if (run.end !== undefined) break;
        world.failResize(call, how);
        await run.step().catch(() => {});
        world.heal();
        await world.produce(world.services[1] as Service, 'h');
        run = run.takenOver();
        for (let n = 0; run.end === undefined; n++) {
          await run.step();
          await consumeSome();
          expect(n).toBeLessThan(20);
        }
        expect(run.end).toBe('done');
        expect(await world.placed()).toHaveLength(1);
        expect([await world.isClosedAt(1), await world.isClosedAt(2)]).toEqual([true, true]);
        await world.produce(world.service, 'i');
        seen.push(...(await consume(world, world.services[1] as Service)));
        expect(seen.sort()).toEqual(['h', 'i', 'p0', 'p1', 'p2']);
      }
    });
  });

  const seeds = Array.from({ length: 100 }, (_, n) => n + 1);
  test.each(seeds)('loses and doubles nothing, whatever happens in between (seed %i)', async (seed) => {
    const random = new SeededRandom(seed);
    const draw = <T>(all: readonly T[]) => all[Math.floor(random.fraction() * all.length)] as T;
    const world = await start(2 + (seed % 3), { leaseTimeout: '30m' });
    const stored = new Set((await world.inPartitions()).flat());
    const keyed = new KeyedAttempts(world, '90s');
    const done: string[] = [];
    await keyed.produce(draw(world.services), 'e0', 'e1', 'e2', 'e3');
    let held: Held[] = [];
    const movers = new RandomMovers(await world.resize(1), draw);
    const finish = async (service: Service, one: Held) => {
      const answer = await complete(world, service, one);
      if ('value' in answer) {
        done.push(...one.items.map(payloadOf));
        held = held.filter((each) => each !== one);
      } else expect(answer.error).toMatchObject({ code: 'retry' });
    };
    for (let n = 0; n < 40; n++) {
      const service = draw(world.services);
      switch (
        draw([
          'step',
          'step',
          'fault',
          'killed',
          'stale',
          'produce',
          'keyed',
          'again',
          'both',
          'lease',
          'lease',
          'complete',
          'retry',
          'time',
        ])
      ) {
        case 'step':
          await movers.step();
          break;
        case 'fault':
          world.failResize(draw(LEAVING_CALLS), draw(FAULTS));
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
          if ('value' in (await world.produce(service, `later ${n}`))) stored.add(`later ${n}`);
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
        case 'lease': {
          const found = await lease(world, service, 2);
          if (found.items.length > 0) held.push(found);
          break;
        }
        case 'complete': {
          const one = draw(held);
          if (one !== undefined) await finish(service, one);
          break;
        }
        case 'retry': {
          const one = draw(held);
          if (one === undefined) break;
          const items = one.items.map(({ id }) => ({ id, dead: false, retryAt: undefined }));
          const { partition } = one;
          const answer = await world.answered(service.queue.retry({ queueName: 'q', partition, items }));
          if ('value' in answer) held = held.filter((each) => each !== one);
          break;
        }
        default:
          await world.clock.advance('1s');
      }
    }
    const run = movers.run.takenOver();
    const cancelled = random.fraction() < 0.3;
    for (let n = 0; run.end === undefined; n++) {
      await (cancelled ? run.undo() : run.step());
      for (const one of held) await finish(draw(world.services), one);
      await world.clock.advance('2s');
      done.push(...(await consume(world, draw(world.services))));
      // Partitions leave only when the windows of their keys have ended.
      expect(n).toBeLessThan(70);
    }
    if (!cancelled) expect(await world.placed()).toHaveLength(1);
    for (const one of held) await finish(draw(world.services), one);
    for (const service of world.services) await keyed.produce(service, ...keyed.keys);
    for (const service of world.services) done.push(...(await consume(world, service)));
    expect(held).toEqual([]);
    keyed.check(done);
    expect(plainTexts(done).toSorted()).toEqual([...stored].sort());
  });
});
