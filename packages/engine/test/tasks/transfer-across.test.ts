import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { payloadOf } from '../support/harness.ts';
import { CALLS, EACH_FAULT, FAULTS, startTwoStorages as start, TEXTS } from '../support/two-storages.ts';

describe('a task that moves items to another storage', () => {
  test('keeps their order, and their details', async () => {
    const { move, list, texted } = await start();
    const before = await list('from', 'queued');
    const run = await (await move()).toEnd();
    expect(run.counts).toEqual({ matched: 7, done: 7, failed: 0 });
    expect([await texted('from', 'queued'), await texted('from', 'scheduled')]).toEqual([[], []]);
    const after = await list('to', 'queued');
    expect(after.map(payloadOf)).toEqual(TEXTS);
    expect(after.map(({ details }) => details?.firstId)).toEqual(before.map(({ id }) => id));
    expect(after.map(({ attempts }) => attempts)).toEqual(TEXTS.map(() => 0));
  });

  test('takes nothing for a process that was suspended until the task was cancelled', async () => {
    const { clock, move, texted, storages } = await start();
    const run = await move();
    await run.step();
    const wakes = storages.near.hold('takeItems', 0, 'before');
    const suspended = expect(run.step()).rejects.toMatchObject({ code: 'retry' });
    await clock.advance('10s');
    await run.takenOver().undo();
    // The process sends what it was about to send, and is killed.
    wakes();
    await suspended;
    expect([await texted('from', 'queued'), await texted('from', 'scheduled')]).toEqual([TEXTS, []]);
    expect([await texted('to', 'queued'), await texted('to', 'prepared')]).toEqual([[], []]);
  });

  test('takes nothing once another process has the task', async () => {
    const { move, texted } = await start();
    const run = await move();
    await run.step();
    run.isHeld = false;
    await expect(run.step()).rejects.toMatchObject({ code: 'retry', reason: 'unavailable' });
    expect([await texted('from', 'queued'), await texted('from', 'scheduled')]).toEqual([TEXTS, []]);
  });

  test.each(EACH_FAULT)(
    'goes on in another process after %s on the %s storage failed (%s)',
    async (call, where, how) => {
      const { clock, move, texted, storages } = await start();
      const run = await move();
      await run.step();
      await run.step();
      storages[where].fail(call, 0, how);
      await run.step().catch(() => {});
      storages[where].heal(0);
      await clock.advance('10s');
      await run.takenOver().toEnd();
      expect([await texted('from', 'queued'), await texted('from', 'scheduled')]).toEqual([[], []]);
      expect([await texted('to', 'queued'), await texted('to', 'prepared')]).toEqual([TEXTS, []]);
    },
  );

  test.each(EACH_FAULT)(
    'is undone if it is cancelled after %s on the %s storage failed (%s)',
    async (call, where, how) => {
      const { clock, move, list, texted, storages } = await start();
      const ids = new Map((await list('from', 'queued')).map((each) => [payloadOf(each), each.id]));
      const run = await move();
      await run.step();
      await run.step();
      storages[where].fail(call, 0, how);
      await run.step().catch(() => {});
      storages[where].heal(0);
      await clock.advance('10s');
      await run.undo();
      expect(run.end).toBe('done');
      const [from, to] = [await list('from', 'queued'), await texted('to', 'queued')];
      expect([...to, ...from.map(payloadOf)]).toEqual(TEXTS);
      for (const each of from) expect(each).toMatchObject({ id: ids.get(payloadOf(each)), isLeased: false });
      expect([await texted('from', 'scheduled'), await texted('to', 'prepared')]).toEqual([[], []]);
    },
  );

  test('waits while its target is paused, and is undone', async () => {
    const { clock, move, service, texted } = await start();
    const run = await move();
    await run.step();
    await service.pauses.pause({ queueName: 'to', produce: true, lease: false, until: undefined });
    await clock.advance('10s');
    const other = run.takenOver();
    await expect(other.step()).rejects.toMatchObject({ reason: 'queue_paused' });
    expect(await texted('from', 'scheduled')).toEqual(['a', 'b', 'c']);
    await other.undo();
    expect([await texted('from', 'scheduled'), await texted('from', 'queued')]).toEqual([[], TEXTS]);
  });

  test('returns items whose target is gone', async () => {
    const { clock, move, service, storages, texted } = await start();
    const run = await move();
    await run.step();
    storages.far.fail('prepareLetters', 0, 'not-applied');
    await run.step().catch(() => {});
    storages.far.heal(0);
    expect(await texted('from', 'scheduled')).toEqual(['a', 'b', 'c']);
    await service.queues.delete('to', true);
    await clock.advance('1s');
    const other = await run.takenOver().toEnd();
    expect(other.end).toEqual({ error: "the queue 'to' was deleted" });
    expect([await texted('from', 'scheduled'), await texted('from', 'queued')]).toEqual([[], TEXTS]);
  });

  const seeds = Array.from({ length: 60 }, (_, n) => n + 1);
  test.each(seeds)(
    'ends with every item in one place, whatever happens in between (seed %i)',
    async (seed) => {
      const random = new SeededRandom(seed);
      const draw = <T>(all: readonly T[]) => all[Math.floor(random.fraction() * all.length)] as T;
      const { clock, move, service, storages, texted, produce, lease } = await start(TEXTS, {
        settings: { leaseTimeout: '10s' },
      });
      const done: string[] = [];
      const touched = new Set<string>();
      let run = await move();
      let later = 0;
      for (let n = 0; n < 5 + 20 * random.fraction(); n++) {
        switch (
          draw(['step', 'step', 'fault', 'fault', 'killed', 'produce', 'complete', 'lease', 'pass', 'drain'])
        ) {
          case 'fault': {
            const [call, where] = draw(CALLS);
            storages[where].fail(call, 0, draw(FAULTS));
            if (run.end === undefined) await run.step().catch(() => {});
            storages[where].heal(0);
            await clock.advance('6s');
            break;
          }
          case 'killed': {
            if (run.end === undefined) await run.step(false).catch(() => {});
            run = run.takenOver();
            break;
          }
          case 'produce':
            await produce(`later ${later++}`);
            break;
          case 'lease':
            if ((await service.queue.stats('from')).partitions[0]?.waiting !== 0) {
              for (const each of await lease('from', 1)) touched.add(payloadOf(each));
            }
            break;
          case 'pass':
            await clock.advance('11s');
            break;
          case 'complete':
          case 'drain': {
            const queueName = draw(['from', 'to']);
            if ((await service.queue.stats(queueName)).partitions[0]?.waiting === 0) break;
            const items = await lease(queueName, 2);
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
      const all = [...TEXTS, ...Array.from({ length: later }, (_, n) => `later ${n}`)];
      const [from, to] = [await texted('from', 'queued'), await texted('to', 'queued')];
      expect([...from, ...to, ...done].sort()).toEqual(all.sort());
      expect([await texted('from', 'scheduled'), await texted('to', 'prepared')]).toEqual([[], []]);
      for (const place of [from, to]) {
        const inOrder = place.filter((text) => TEXTS.includes(text) && !touched.has(text));
        expect(inOrder).toEqual([...inOrder].sort());
      }
    },
  );
});
