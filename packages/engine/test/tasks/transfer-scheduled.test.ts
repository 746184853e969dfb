import { addDuration, type Instant, milliseconds } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { payloadOf } from '../support/harness.ts';
import { CALLS, EACH_FAULT, FAULTS, startTwoStorages, TEXTS } from '../support/two-storages.ts';

const MINUTE = 60_000;
const start = (texts: readonly string[] = TEXTS, targetAheadMs = 0) =>
  startTwoStorages(texts, { dueInMs: MINUTE, targetAheadMs });
type World = Awaited<ReturnType<typeof start>>;

/** What is where: texts in each state, in order. */
async function places({ texted }: World) {
  return {
    from: [await texted('from', 'queued'), await texted('from', 'scheduled')],
    to: [await texted('to', 'queued'), await texted('to', 'scheduled'), await texted('to', 'prepared')],
  };
}

describe('a task that moves scheduled items to another storage', () => {
  test('keeps their time, their order, and their details', async () => {
    const world = await start();
    const before = await world.list('from', 'scheduled');
    const run = await (await world.move()).toEnd();
    expect(run.counts).toEqual({ matched: 7, done: 7, failed: 0 });
    expect(await places(world)).toEqual({ from: [[], []], to: [[], TEXTS, []] });
    const after = await world.list('to', 'scheduled');
    expect(after.map(({ enqueueAt }) => enqueueAt)).toEqual(before.map(({ enqueueAt }) => enqueueAt));
    expect(after.map(({ details }) => details?.firstId)).toEqual(before.map(({ id }) => id));
    const leased = world.lease('to', 7);
    await world.clock.advance('58s');
    expect(await world.texted('to', 'queued')).toEqual([]);
    await world.clock.advance('2s');
    expect((await leased).map(payloadOf)).toEqual(TEXTS);
  });

  test.each([3_600_000, -3_600_000])(
    'makes them due in as much time where clocks differ (by %i ms)',
    async (targetAheadMs) => {
      const world = await start(['a'], targetAheadMs);
      await (await world.move()).toEnd();
      const [moved] = await world.list('to', 'scheduled');
      expect(moved?.enqueueAt).toBe(addDuration(world.dueAt as Instant, milliseconds(targetAheadMs)));
    },
  );

  test('moves waiting ones beside them', async () => {
    const world = await start();
    await world.produce('now');
    await world.clock.advance('1s');
    expect((await (await world.move()).toEnd()).counts).toEqual({ matched: 8, done: 8, failed: 0 });
    expect(await places(world)).toEqual({ from: [[], []], to: [['now'], TEXTS, []] });
  });

  test('offers those that become due meanwhile', async () => {
    const world = await start();
    const run = await world.move();
    await run.step();
    world.storages.far.fail('commitLetters', 0, 'not-applied');
    await run.step().catch(() => {});
    world.storages.far.heal(0);
    await world.clock.advance('2m');
    await run.takenOver().toEnd();
    await world.clock.advance('1s');
    const { from, to } = await places(world);
    expect([from, to[0]?.toSorted(), to.slice(1)]).toEqual([[[], []], TEXTS, [[], []]]);
  });

  test('leaves them, and counts them as failed, if a server of before created it', async () => {
    const world = await start(['a']);
    const run = await (await world.move()).ofVersion(1).toEnd();
    expect(run.counts).toEqual({ matched: 1, done: 0, failed: 1 });
    expect(await places(world)).toEqual({ from: [[], ['a']], to: [[], [], []] });
  });

  test.each(EACH_FAULT)(
    'goes on in another process after %s on the %s storage failed (%s)',
    async (call, where, how) => {
      const world = await start();
      const run = await world.move();
      await run.step();
      world.storages[where].fail(call, 0, how);
      await run.step().catch(() => {});
      world.storages[where].heal(0);
      await world.clock.advance('10s');
      await run.takenOver().toEnd();
      expect(await places(world)).toEqual({ from: [[], []], to: [[], TEXTS, []] });
      const times = (await world.list('to', 'scheduled')).map(({ enqueueAt }) => enqueueAt);
      expect(times).toEqual(TEXTS.map(() => world.dueAt));
    },
  );

  test.each(EACH_FAULT)(
    'is undone if it is cancelled after %s on the %s storage failed (%s)',
    async (call, where, how) => {
      const world = await start();
      const before = new Map((await world.list('from', 'scheduled')).map((each) => [each.id, each]));
      const run = await world.move();
      await run.step();
      world.storages[where].fail(call, 0, how);
      await run.step().catch(() => {});
      world.storages[where].heal(0);
      await world.clock.advance('10s');
      await run.undo();
      const [from, to] = [await world.list('from', 'scheduled'), await world.list('to', 'scheduled')];
      for (const each of from) expect(each).toEqual(before.get(each.id));
      expect([...to, ...from].map(payloadOf)).toEqual(TEXTS);
      for (const { enqueueAt } of to) expect(enqueueAt).toBe(world.dueAt);
      expect(await places(world)).toMatchObject({ from: [[], {}], to: [[], {}, []] });
      await world.clock.advance('1m');
      expect([...(await world.texted('to', 'queued')), ...(await world.texted('from', 'queued'))]).toEqual(
        TEXTS,
      );
    },
  );

  const seeds = Array.from({ length: 60 }, (_, n) => n + 1);
  test.each(seeds)('loses none, doubles none, and offers none too early (seed %i)', async (seed) => {
    const random = new SeededRandom(seed);
    const draw = <T>(all: readonly T[]) => all[Math.floor(random.fraction() * all.length)] as T;
    const world = await start([]);
    const { clock, storages, service } = world;
    const due = new Map<string, Instant>();
    const done: string[] = [];
    const schedule = async (text: string) => {
      const at = addDuration(clock.now(), milliseconds(1_000 + Math.floor(random.fraction() * 60_000)));
      due.set(text, at);
      await world.produceAt(at, text);
    };
    for (const text of TEXTS) await schedule(text);
    await clock.advance('1s');
    let run = await world.move();
    for (let n = 0; n < 5 + 20 * random.fraction(); n++) {
      switch (draw(['step', 'step', 'fault', 'fault', 'killed', 'later', 'pass', 'complete'])) {
        case 'fault': {
          const [call, where] = draw(CALLS);
          storages[where].fail(call, 0, draw(FAULTS));
          if (run.end === undefined) await run.step().catch(() => {});
          storages[where].heal(0);
          await clock.advance('6s');
          break;
        }
        case 'killed':
          if (run.end === undefined) await run.step(false).catch(() => {});
          run = run.takenOver();
          break;
        case 'later':
          await schedule(`later ${due.size}`);
          break;
        case 'pass':
          await clock.advance('11s');
          break;
        case 'complete': {
          const queueName = draw(['from', 'to']);
          if ((await service.queue.stats(queueName)).partitions[0]?.waiting === 0) break;
          const items = await world.lease(queueName, 2);
          for (const each of items) expect(clock.now()).toBeGreaterThan(due.get(payloadOf(each)) as Instant);
          const ids = items.map(({ id }) => id);
          await service.queue.complete({ queueName, partition: 0, ids, requestTimeout: '1m' });
          done.push(...items.map(payloadOf));
          break;
        }
        default:
          if (run.end === undefined) await run.step().catch(() => {});
      }
    }
    await clock.advance('11s');
    if (random.fraction() < 0.3) await run.undo();
    else await run.toEnd();
    const { from, to } = await places(world);
    expect([...from.flat(), ...to.flat(), ...done].sort()).toEqual([...due.keys()].sort());
    expect(to[2]).toEqual([]);
    const scheduled = [...(await world.list('from', 'scheduled')), ...(await world.list('to', 'scheduled'))];
    for (const each of scheduled) expect(each.enqueueAt).toBe(due.get(payloadOf(each)));
  });
});
