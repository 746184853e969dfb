import { milliseconds, type Queue, unavailable } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { payloadOf } from '../support/harness.ts';
import { FAULTS, type MoveRun } from '../support/move-run.ts';
import { type Held, MovingResize } from '../support/moving-resize.ts';
import { RandomMovers } from '../support/random-movers.ts';
import { CARRYING_CALLS, LEAVING_CALLS } from '../support/resize-run.ts';

/** Items of partitions 1 and 3 stay on their storage, those of partition 2 go to the other one. */
const MIXED = ['near', 'near', 'far', 'near'] as const;
const TEXTS = Array.from({ length: 16 }, (_, n) => `i${String(n).padStart(2, '0')}`);
const SCHEDULED = ['s0', 's1', 's2', 's3', 's4', 's5', 's6', 's7'];
/** For tests with many runs: one page and an item in each partition. */
const FEWER = TEXTS.slice(0, 12);
const FEWER_SCHEDULED = SCHEDULED.slice(0, 3);
const CALLS = [...LEAVING_CALLS, ...CARRYING_CALLS];

/** Whether the texts are in the order of their numbers, for each of the lists that they were in before. */
function inOrder(texts: readonly string[], before: readonly (readonly string[])[]): boolean {
  return before.every((list) => {
    const kept = texts.filter((text) => list.includes(text));
    return kept.join() === list.filter((text) => kept.includes(text)).join();
  });
}

/** Steps until the task ends, or has nothing to move. */
async function settle(run: MoveRun): Promise<void> {
  for (let n = 0; n < 12 && run.end === undefined; n++) await run.step();
}

describe('a resize that moves items', () => {
  test('puts what waits behind the items of the partitions that stay, in order', async () => {
    const moving = await MovingResize.start(['near', 'far', 'near', 'far']);
    await moving.produce(TEXTS);
    const before = await moving.stored();
    expect(before.map(({ length }) => length)).toEqual([4, 4, 4, 4]);
    const run = await (await moving.world.resize(2, { move: true })).toEnd();
    expect([run.end, run.counts]).toEqual(['done', { matched: 8, done: 8, failed: 0 }]);
    const after = await moving.stored();
    const ofBefore = (...partitions: readonly number[]) =>
      partitions.flatMap((each) => before[each] ?? []).map(payloadOf);
    expect(after.map((items) => items.map(payloadOf))).toEqual([ofBefore(0, 2), ofBefore(1, 3)]);
    // By the rules of tasks: another id, the first one stays, and a new life.
    const moved = (after[0] ?? []).slice(4);
    expect(moved.map(({ details }) => details?.firstId)).toEqual(before[2]?.map(({ id }) => id));
    expect(moved.map(({ attempts }) => attempts)).toEqual([0, 0, 0, 0]);
    expect((await moving.world.queue())?.resizes?.current).toBeUndefined();
    expect((await moving.consume(moving.two)).sort()).toEqual(TEXTS);
  });

  test('takes scheduled items along at once, and they keep their time', async () => {
    const moving = await MovingResize.start(MIXED);
    await moving.produce(SCHEDULED, { dueInMs: 3_600_000 });
    const dueAt = (await moving.stored('scheduled')).flat().map(({ enqueueAt }) => enqueueAt);
    const run = await (await moving.world.resize(1, { move: true })).toEnd();
    expect(run.counts).toEqual({ matched: 6, done: 6, failed: 0 });
    const after = (await moving.stored('scheduled')).flat();
    expect(after.map(({ enqueueAt }) => enqueueAt).sort()).toEqual(dueAt.sort());
    expect(await moving.consume(moving.one)).toEqual([]);
    await moving.world.clock.advance('61m');
    expect((await moving.consume(moving.two)).sort()).toEqual(SCHEDULED);
  });

  test.each([['near', 'near'] as const, ['near', 'far'] as const])(
    'leaves leased items where they are until their leases end (%s, %s)',
    async (...storages) => {
      const moving = await MovingResize.start(storages);
      const { world, one, two } = moving;
      await moving.produce(['a', 'b', 'c', 'd', 'e', 'f']);
      const held: Held[] = [];
      while (held.filter(({ partition }) => partition === 1).length < 3)
        held.push(await moving.lease(held.length % 2 === 0 ? one : two));
      const [first, second, third] = held.filter(({ partition }) => partition === 1) as [Held, Held, Held];
      const run = await world.resize(1, { move: true });
      await settle(run);
      expect([run.end, run.counts.done]).toEqual([undefined, 0]);
      expect(run.pause).toBe(milliseconds(1_000));
      expect(await moving.complete(two, first)).toEqual({ value: undefined });
      expect(await moving.retry(two, second)).toEqual({ value: undefined });
      await settle(run);
      expect([run.end, run.counts.done]).toEqual([undefined, 1]);
      const call = { queueName: 'q', partition: 1, requestTimeout: '10s', leaseTimeout: '2m', ids: [] };
      const extended = await world.answered(
        one.leasedItems.extend({ ...call, ids: third.items.map(({ id }) => id), maxHold: '' }),
      );
      expect(extended).toMatchObject({ value: [{ ok: true }] });
      // The lease ends: the item waits in its partition, and goes.
      await world.clock.advance('3m');
      await settle(run);
      expect([run.end, run.counts.done]).toEqual(['done', 2]);
      expect(await world.placed()).toHaveLength(1);
      for (const each of held.filter(({ partition }) => partition === 0)) await moving.complete(one, each);
      await world.clock.advance('11m');
      const rest = [...second.items, ...third.items].map(payloadOf);
      expect((await moving.consume(two)).slice(-rest.length)).toEqual(rest);
    },
  );

  test('says what it waits for, and counts what would move', async () => {
    const moving = await MovingResize.start(['near', 'far', 'near']);
    await moving.produce(['a', 'b', 'c', 'd', 'e', 'f']);
    await moving.produce(['later'], { dueInMs: 60_000 });
    const held: Held[] = [await moving.lease(moving.one)];
    while (held.at(-1)?.partition !== 2) held.push(await moving.lease(moving.one));
    const waits = (await moving.texts()).slice(1).flat().length;
    const leased = held.filter(({ partition }) => partition > 0).length;
    const later = (await moving.texts('scheduled')).slice(1).flat().length;
    const dry = await (await moving.world.resize(1, { move: true, dryRun: true })).toEnd();
    expect(dry.counts).toEqual({ matched: waits - leased + later, done: 0, failed: 0 });
    const run = await moving.world.resize(1, { move: true });
    await settle(run);
    expect(run.remark).toBe('partition 2 waits for leases and dead letters on their way, and then 1 more');
  });

  test('moves items while producers are paused: they are in the queue already', async () => {
    const moving = await MovingResize.start(MIXED);
    await moving.produce(TEXTS);
    await moving.one.pauses.pause({ queueName: 'q', produce: true, lease: false, until: undefined });
    await moving.world.clock.advance('2s');
    const run = await (await moving.world.resize(1, { move: true })).toEnd();
    expect([run.end, run.counts.done]).toEqual(['done', 12]);
  });

  test('is refused if the items cannot move', async () => {
    const { world } = await MovingResize.start(['near', 'far']);
    const refused = async (partitions: number) => {
      await expect(world.prepareResize({ partitions, move: true })).rejects.toMatchObject({
        code: 'invalid',
        message: expect.stringContaining('move is invalid; '),
      });
    };
    await refused(3);
    const far = { ...world.far.capabilities };
    for (const capabilities of [
      { ...far, take: false },
      { ...far, find: false },
      { ...far, durable: true },
    ]) {
      Object.assign(world.far.capabilities, capabilities);
      await refused(1);
      Object.assign(world.far.capabilities, far);
    }
    const { version, parameters } = await world.prepareResize({ partitions: 1, move: true });
    expect([version, parameters]).toMatchObject([3, { move: true }]);
    const plain = await world.prepareResize({ partitions: 1 });
    expect(plain.version).toBe(2);
  });

  test('needs that every server knows it', async () => {
    const moving = await MovingResize.start(['near', 'far']);
    await moving.produce(['a', 'b']);
    const run = await moving.world.resize(1, { move: true });
    moving.world.lackingCapability = (name) =>
      name === 'queues.resize.move' ? unavailable('retry', `${name} is unknown`) : undefined;
    const refused = moving.world.prepareResize({ partitions: 1, move: true });
    await expect(refused).rejects.toThrow('queues.resize.move is unknown');
    await expect(run.step()).rejects.toThrow('queues.resize.move is unknown');
    expect((await moving.texts()).map(({ length }) => length)).toEqual([1, 1]);
    expect((await moving.world.prepareResize({ partitions: 1 })).version).toBe(2);
  });

  test('takes nothing in a process that was suspended until the task was cancelled', async () => {
    const moving = await MovingResize.start(['near', 'far']);
    await moving.produce(TEXTS);
    const before = await moving.texts();
    const run = await moving.world.resize(1, { move: true });
    const wakes = moving.world.far.hold('takeItems', 1, 'before');
    const suspended = expect(run.step()).rejects.toMatchObject({ code: 'retry' });
    await moving.world.clock.advance('10s');
    await run.takenOver().undo();
    wakes();
    await suspended;
    expect(await moving.texts()).toEqual(before);
    expect((await moving.texts('scheduled')).flat()).toEqual([]);
  });

  test('ends when the queue is deleted', async () => {
    const moving = await MovingResize.start(['near', 'far']);
    await moving.produce(TEXTS);
    const run = await moving.world.resize(1, { move: true });
    await run.step();
    await moving.world.answered(moving.one.queues.delete('q', true));
    for (let n = 0; n < 3 && run.end === undefined; n++) await run.step().catch(() => {});
    expect(run.end).toEqual({ error: 'the queue was deleted' });
  });

  /** A resize that has gone `steps` steps, and one more in which the call fails. Undefined: it ended before. */
  async function failedStep(steps: number, call: (typeof CALLS)[number], how: (typeof FAULTS)[number]) {
    const moving = await MovingResize.start(['near', 'near', 'far']);
    await moving.produce(FEWER, { atOnce: 4 });
    await moving.produce(FEWER_SCHEDULED, { dueInMs: 3_600_000 });
    const before = await moving.texts();
    const run = await moving.world.resize(1, { move: true });
    for (let n = 0; n < steps && run.end === undefined; n++) await run.step();
    if (run.end !== undefined) return undefined;
    moving.world.failResize(call, how);
    await run.step().catch(() => {});
    return { moving, before, run };
  }

  describe.each(CALLS)('if the storage call %s fails', (call) => {
    test.each(FAULTS)('(%s) moves each item once, in order, in another process too', async (how) => {
      for (let steps = 0; ; steps++) {
        const failed = await failedStep(steps, call, how);
        if (failed === undefined) break;
        const { moving, before } = failed;
        let { run } = failed;
        moving.world.heal();
        run = run.takenOver();
        await run.toEnd();
        expect([run.end, await moving.world.placed()]).toEqual(['done', ['near']]);
        const [after = []] = await moving.texts();
        expect([after.toSorted(), inOrder(after, before)]).toEqual([FEWER, true]);
        expect((await moving.texts('scheduled')).flat().sort()).toEqual(FEWER_SCHEDULED);
      }
    });

    test.each(FAULTS)('(%s) goes back when it is cancelled', async (how) => {
      for (let steps = 0; ; steps++) {
        const failed = await failedStep(steps, call, how);
        if (failed === undefined) break;
        const { moving, before } = failed;
        let { run } = failed;
        await run.undo().catch(() => {});
        moving.world.heal();
        run = run.takenOver();
        while (run.end === undefined) await run.undo();
        const queue = (await moving.world.queue()) as Queue;
        expect(queue.resizes?.current).toBeUndefined();
        const after = await moving.texts();
        expect(after.flat().sort()).toEqual(FEWER);
        expect(after.every((texts) => inOrder(texts, before))).toBe(true);
        expect((await moving.texts('scheduled')).flat().sort()).toEqual(FEWER_SCHEDULED);
        await moving.world.clock.advance('2s');
        await moving.produce(
          queue.partitions.map((_, n) => `after ${n}`),
          { service: moving.two },
        );
        expect((await moving.texts()).flat()).toHaveLength(FEWER.length + queue.partitions.length);
      }
    });
  });

  const seeds = Array.from({ length: 30 }, (_, n) => n + 1);
  test.each(seeds)('loses and doubles nothing, whatever happens in between (seed %i)', async (seed) => {
    const random = new SeededRandom(seed);
    const draw = <T>(all: readonly T[]) => all[Math.floor(random.fraction() * all.length)] as T;
    const moving = await MovingResize.start(MIXED, { leaseTimeout: '30m' });
    const { world } = moving;
    const stays = 1 + (seed % 2);
    const all = [...TEXTS, ...SCHEDULED];
    await moving.produce(TEXTS);
    await moving.produce(SCHEDULED, { dueInMs: 40_000 });
    const before = await moving.texts();
    const done: string[] = [];
    /** Items that consumers had: they come back in any order. */
    const touched = new Set<string>();
    let held: Held[] = [];
    const movers = new RandomMovers(await world.resize(stays, { move: true }), draw);
    const finish = async (one: Held) => {
      if (!('value' in (await moving.complete(draw(world.services), one)))) return;
      done.push(...one.items.map(payloadOf));
      held = held.filter((each) => each !== one);
    };
    const ACTIONS = ['step', 'step', 'fault', 'fault', 'killed', 'stale', 'produce', 'lease'] as const;
    for (let n = 0; n < 24; n++) {
      switch (draw([...ACTIONS, 'complete', 'retry', 'time'] as const)) {
        case 'step':
          await movers.step();
          break;
        case 'fault':
          world.failResize(draw(CALLS), draw(FAULTS));
          await movers.step();
          world.heal();
          await world.clock.advance('6s');
          break;
        case 'killed':
          await movers.takeOver();
          break;
        case 'stale':
          await movers.stepOfSuspended();
          break;
        case 'produce':
          await moving.produce([`later ${n}`], { service: draw(world.services) });
          all.push(`later ${n}`);
          break;
        case 'lease': {
          const found = await moving.lease(draw(world.services), 2);
          if (found.items.length > 0) held.push(found);
          for (const each of found.items) touched.add(payloadOf(each));
          break;
        }
        case 'complete':
          if (held.length > 0) await finish(draw(held));
          break;
        case 'retry': {
          const one = draw(held);
          if (one === undefined) break;
          const answer = await moving.retry(draw(world.services), one);
          if ('value' in answer) held = held.filter((each) => each !== one);
          break;
        }
        default:
          await world.clock.advance('3s');
      }
    }
    const run = movers.run.takenOver();
    const cancelled = random.fraction() < 0.3;
    for (let n = 0; run.end === undefined; n++) {
      await (cancelled ? run.undo() : run.step());
      for (const one of held) await finish(one);
      await world.clock.advance('2s');
      expect(n).toBeLessThan(70);
    }
    if (!cancelled) expect(await world.placed()).toHaveLength(stays);
    const after = (await moving.texts()).map((texts) => texts.filter((text) => !touched.has(text)));
    expect(after.every((texts) => inOrder(texts, before))).toBe(true);
    // All items of a partition go to the same one. What has not left after a cancel is where it was.
    for (const texts of before.slice(stays)) {
      const places = after.filter((found) => found.some((text) => texts.includes(text)));
      expect(places.length).toBeLessThanOrEqual(cancelled ? 2 : 1);
    }
    for (const one of held) await finish(one);
    await world.clock.advance('61s');
    for (const service of world.services) done.push(...(await moving.consume(service)));
    expect(done.toSorted()).toEqual(all.toSorted());
    // No copy is left that would become available later.
    expect((await moving.texts('prepared')).flat()).toEqual([]);
    expect((await moving.texts('scheduled')).flat()).toEqual([]);
  });
});
