import { type Duration, parseDuration, toMilliseconds } from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem } from '../fixture/content.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** The storage may round averages like doubles. */
function expectAbout(actual: Duration, expected: string): void {
  expect(Math.abs(toMilliseconds(actual) - toMilliseconds(parseDuration(expected)))).toBeLessThanOrEqual(1);
}

/** What `PartitionStore.stats` promises. */
export function describeStats(test: StorageTest): void {
  describe('stats', () => {
    // "0 if there are none"
    test('is all zero for an empty partition', async (fixture) => {
      const nothing = {
        waiting: 0,
        leased: 0,
        scheduled: 0,
        averageAge: 0n,
        headAge: 0n,
        averageLeaseLeft: 0n,
      };
      const script = fixture.script();
      expect(await script.store.stats({ createNothing: true })).toEqual(nothing);
      expect(await script.store.stats()).toEqual(nothing);
      await script.produce('a');
      expect(await script.store.stats({ createNothing: true })).toMatchObject({ waiting: 1 });
      await fixture.clock.advance('10s');
      await script.complete(await script.leaseOne());
      expect(await script.store.stats()).toEqual(nothing);
    });

    // each state is counted separately
    test('counts items by their state', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c', 'd', 'e', 'f');
      await script.produceItems([newItem('s', script.in('1h'))]);
      await script.import('i', { isLeased: true, leaseDeadline: script.in('1h') });
      const [a, b, c, d] = (await script.lease(4)).map((item) => item.id) as [string, string, string, string];
      await script.retry({ id: a });
      await script.retry({ id: b, retryAt: script.in('1h') });
      await script.complete(c);
      expect(await script.store.stats()).toMatchObject({ waiting: 3, leased: 2, scheduled: 2 });
      await script.store.release([d]);
      expect(await script.store.stats()).toMatchObject({ waiting: 4, leased: 1, scheduled: 2 });
      await fixture.clock.advance('61m');
      await script.sweep();
      expect(await script.store.stats()).toMatchObject({ waiting: 7, leased: 0, scheduled: 0 });
      await script.store.clear({ waiting: true, leased: false, scheduled: false });
      expect(await script.store.stats()).toMatchObject({ waiting: 0, leased: 0, scheduled: 0 });
    });

    // "Time since the oldest waiting item entered the partition"
    test('returns the age of the item that is next to be leased', async (fixture) => {
      const script = fixture.script();
      await script.produce('leased');
      await fixture.clock.advance('5s');
      await script.produce('next');
      await script.produceItems([newItem('scheduled', script.in('2h'))]);
      await fixture.clock.advance('10s');
      await script.produce('last');
      expectAbout((await script.store.stats()).headAge, '15s');
      await script.lease(1);
      expectAbout((await script.store.stats()).headAge, '10s');
      await script.lease(2);
      expect((await script.store.stats()).headAge).toBe(0n);
    });

    // "Mean time since the waiting and leased items entered the partition"; scheduled items do not count
    test('averages the age of waiting and leased items', async (fixture) => {
      const script = fixture.script();
      await script.produce('leased');
      await script.produceItems([newItem('scheduled', script.in('2h'))]);
      await fixture.clock.advance('30s');
      await script.produce('waiting');
      await script.lease(1);
      await fixture.clock.advance('10s');
      expectAbout((await script.store.stats()).averageAge, '25s');
    });

    // requeueing keeps `createdAt`, and so the age
    test('keeps the age of retried items', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      await fixture.clock.advance('10s');
      await script.retry({ id: await script.leaseOne() });
      await fixture.clock.advance('10s');
      expectAbout((await script.store.stats()).averageAge, '20s');
    });

    // "Mean time left of the leases", "negative if overdue"
    test('averages the remaining time of the leases', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'waiting');
      await script.lease(1, parseDuration('1m'));
      await script.lease(1, parseDuration('3m'));
      await fixture.clock.advance('30s');
      expectAbout((await script.store.stats()).averageLeaseLeft, '1m30s');
      await fixture.clock.advance('2m');
      expectAbout((await script.store.stats()).averageLeaseLeft, '-30s');
    });

    // large sums must keep small differences
    test('averages over many items', async (fixture) => {
      const script = fixture.script();
      for (let batch = 0; batch < 4; batch++) {
        await script.produceItems(Array.from({ length: 250 }, (_, n) => newItem(`${batch}-${n}`)));
        await fixture.clock.advance('1s');
      }
      expectAbout((await script.store.stats()).averageAge, '2.5s');
    });
  });
}
