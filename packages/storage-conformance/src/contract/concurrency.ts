import { describe, expect } from 'vitest';
import { newItem, numbered, textsOf } from '../fixture/content.ts';
import {
  EXPIRE_TIMEOUT,
  LEASE_TIMEOUT,
  type PartitionScript,
  valuesOf,
} from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** "Calls may run concurrently, also from several processes on one storage." */
export function describeConcurrency(test: StorageTest): void {
  describe('several callers', () => {
    // the first calls create the partition at the same time
    test('can each make the first call on a partition', async (fixture) => {
      const scripts = await fixture.callers();
      await Promise.all([...scripts, ...scripts].map((script) => script.produce('a')));
      await Promise.all(scripts.map((script) => script.store.stats()));
      expect(await scripts[0]?.queued()).toHaveLength(scripts.length * 2);
    });

    // `produce`: "next to each other and in order", during other produce calls too
    test('never separate the items of a request', async (fixture) => {
      const scripts = await fixture.callers();
      const requests = numbered('r', 30).map((name) => numbered(`${name}-`, 7));
      await Promise.all(
        requests.map((texts, n) =>
          scripts[n % scripts.length]?.store.produce(
            [{ items: texts.map((text) => newItem(text)) }],
            EXPIRE_TIMEOUT,
          ),
        ),
      );
      const texts = (await scripts[0]?.queuedTexts()) ?? [];
      expect(texts).toHaveLength(210);
      for (let start = 0; start < texts.length; start += 7) {
        const request = requests.find(([first]) => first === texts[start]);
        expect(texts.slice(start, start + 7)).toEqual(request);
      }
    });

    // id order is produce order, for items of all processes
    test('see the same order of items that were produced one after the other', async (fixture) => {
      const scripts = await fixture.callers();
      for (const [n, text] of numbered('item', 12).entries())
        await scripts[n % scripts.length]?.produce(text);
      expect(await scripts.at(-1)?.queuedTexts()).toEqual(numbered('item', 12));
      expect(textsOf((await scripts.at(-1)?.lease()) ?? [])).toEqual(numbered('item', 12));
    });

    // `lease`: "No item goes to two callers", and no item is lost
    test('never lease the same item', async (fixture) => {
      const scripts = await fixture.callers();
      await scripts[0]?.produce(...numbered('item', 500));
      const taken: string[] = [];
      for (let round = 0; round < 20; round++) {
        const batches = await Promise.all(
          [...scripts, ...scripts].map((script) =>
            script.store.lease({ limit: 9, leaseTimeout: LEASE_TIMEOUT }),
          ),
        );
        for (const batch of batches) {
          const ids = batch.map((item) => item.id);
          expect(ids).toEqual([...ids].sort());
        }
        taken.push(...textsOf(batches.flat()));
      }
      // Concurrent calls may skip an item. The next call must find it.
      taken.push(...textsOf((await scripts[0]?.lease()) ?? []));
      expect(taken.sort()).toEqual(numbered('item', 500).sort());
    });

    // "Concurrent sweeps never do the same work twice"
    test('sweep every item once', async (fixture) => {
      const scripts = await fixture.callers();
      const script = scripts[0] as PartitionScript;
      await script.produce(...numbered('overdue', 40));
      await script.lease();
      await script.import('used up', { isLeased: true, leaseDeadline: script.in('1m'), attempts: 9 });
      await script.produceItems(numbered('due', 40).map((text) => newItem(text, script.in('1m'))));
      await fixture.clock.advance('2m');
      const results = await Promise.all(
        [...scripts, ...scripts].map((each) => each.sweep({ maxAttempts: 9, limit: 15 })),
      );
      let [enqueued, requeued] = [0, 0];
      const dead: string[] = [];
      const count = (result: (typeof results)[number]) => {
        enqueued += result.enqueued;
        requeued += result.requeued;
        dead.push(...textsOf(result.dead));
      };
      results.forEach(count);
      for (
        let more = await script.sweep({ maxAttempts: 9 });
        ;
        more = await script.sweep({ maxAttempts: 9 })
      ) {
        count(more);
        if (more.nextDueMs !== 0) break;
      }
      expect([enqueued, requeued, dead]).toEqual([40, 40, ['used up']]);
      expect(await script.store.stats()).toMatchObject({ waiting: 80, leased: 1, scheduled: 0 });
      const texts = await script.queuedTexts();
      expect(new Set(texts).size).toBe(81);
    });

    // complete, retry and a sweep of one id at the same time: exactly one succeeds
    test('let one of complete, retry and sweep have an item', async (fixture) => {
      const scripts = await fixture.callers();
      const script = scripts[0] as PartitionScript;
      for (let round = 0; round < 5; round++) {
        await script.produce('contended');
        const id = await script.leaseOne();
        await fixture.clock.advance('2m');
        const [completed, retried, swept] = await Promise.all([
          scripts[0]?.store.complete([{ ids: [id] }]),
          scripts[1]?.store.retry([{ items: [{ id, dead: false }] }], { maxAttempts: 0, dead: 'move' }),
          scripts.at(-1)?.sweep(),
        ]);
        const winners = Object.entries({
          complete: completed?.[0]?.ok,
          retry: retried?.[0]?.ok,
          sweep: swept?.requeued === 1,
        }).filter(([, won]) => won === true);
        expect(winners, 'those who had the item').toHaveLength(1);
        expect(await script.queued()).toHaveLength(completed?.[0]?.ok === true ? 0 : 1);
        await script.store.clear({ waiting: true, leased: true, scheduled: true });
      }
    });

    // overlapping ids in different orders must not cause a deadlock or half a request
    test('can name the same ids in different orders', async (fixture) => {
      const scripts = await fixture.callers();
      await scripts[0]?.produce(...numbered('item', 60));
      const ids = ((await scripts[0]?.lease()) ?? []).map((item) => item.id);
      const calls = Array.from({ length: 9 }, (_, n) => {
        const order = n % 2 === 0 ? ids : [...ids].reverse();
        return scripts[n % scripts.length]?.store.complete([
          { ids: order.slice(0, 40) },
          { ids: order.slice(40) },
        ]);
      });
      const outcomes = (await Promise.all(calls)).flatMap((each) => each ?? []);
      expect(outcomes.filter((outcome) => outcome.ok)).toHaveLength(2);
      expect(await scripts[0]?.queued()).toEqual([]);
    });

    // all operations mixed: no item is lost or duplicated
    test('lose and duplicate nothing under a mixed load', async (fixture) => {
      const scripts = await fixture.callers();
      const completed: string[] = [];
      await Promise.all(
        [...scripts, ...scripts].map(async (script, worker) => {
          for (let round = 0; round < 10; round++) {
            await script.produce(...numbered(`w${worker}-${round}-`, 10));
            const leased = await script.lease(8);
            const ids = leased.map((item) => item.id);
            await script.store.release(ids.slice(0, 2));
            await script.retry(...ids.slice(2, 4).map((id) => ({ id })));
            valuesOf(await script.store.complete([{ ids: ids.slice(4) }]));
            completed.push(...textsOf(leased.slice(4)));
          }
        }),
      );
      const left = (await scripts[0]?.queuedTexts()) ?? [];
      const expected = numbered('w', scripts.length * 2).flatMap((worker) =>
        numbered(`${worker}-`, 10).flatMap((round) => numbered(`${round}-`, 10)),
      );
      expect([...completed, ...left].sort()).toEqual(expected.sort());
      expect(await scripts[0]?.store.stats()).toMatchObject({ leased: 0 });
    });
  });
}
