import { ATTEMPTS_MAX, addDuration, isBudgetSpent, PAYLOAD_BUDGET, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { content, contentOf, newItem, numbered, textsOf } from '../fixture/content.ts';
import { LEASE_TIMEOUT } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `PartitionStore.lease` promises. */
export function describeLease(test: StorageTest): void {
  describe('lease', () => {
    // "Leases the oldest waiting items, lowest ids first, up to the limit", "the items in id order"
    test('leases the oldest items, up to the limit', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c', 'd');
      expect(textsOf(await script.lease(3))).toEqual(['a', 'b', 'c']);
      expect(textsOf(await script.lease(3))).toEqual(['d']);
    });

    // "lowest ids first": an item that returned to the tail waits behind newer items
    test('follows the order of the ids, not of the creation times', async (fixture) => {
      const script = fixture.script();
      await script.produce('old');
      await fixture.clock.advance('1s');
      await script.produce('young');
      await script.retry({ id: await script.leaseOne() });
      expect(textsOf(await script.lease(1))).toEqual(['young']);
      expect(textsOf(await script.lease(1))).toEqual(['old']);
    });

    // "empty if none waits"
    test('returns nothing if no item waits', async (fixture) => {
      const script = fixture.script();
      expect(await script.lease(10)).toEqual([]);
      await script.produce('a');
      await script.lease(10);
      expect(await script.lease(10)).toEqual([]);
    });

    // "Sets their lease deadline to now plus leaseTimeout and adds one to their attempts"
    test('returns content, attempts and the lease deadline', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const before = (await script.queued())[0];
      await fixture.clock.advance('5s');
      const deadline = script.in('30s');
      const [leased] = await script.lease(1, parseDuration('30s'));
      expect(leased?.id).toBe(before?.id);
      expect(leased?.attempts).toBe(1);
      expect(leased?.leaseDeadline).toBe(deadline);
      expect(leased && contentOf(leased)).toEqual(content('a'));
    });

    // attempts "stop at `ATTEMPTS_MAX`": an item imported with that many must not block the partition
    test('counts attempts up to the greatest number, and stops there', async (fixture) => {
      const script = fixture.script();
      await script.import('most', { attempts: ATTEMPTS_MAX });
      await script.import('nearly', { attempts: ATTEMPTS_MAX - 1 });
      await script.produce('new');
      const leased = await script.lease();
      expect(textsOf(leased)).toEqual(['most', 'nearly', 'new']);
      expect(leased.map(({ attempts }) => attempts)).toEqual([ATTEMPTS_MAX, ATTEMPTS_MAX, 1]);
    });

    // "Returns fewer items than the limit only if no more wait, or at the budget"
    test('may return large items in portions, in order, and leaves none out', async (fixture) => {
      const script = fixture.script();
      const references = numbered('item', 45);
      const large = references.map((reference) => ({
        ...content(''),
        reference,
        payload: new Uint8Array(1e6),
      }));
      for (let start = 0; start < large.length; start += 15) {
        await script.produceItems(large.slice(start, start + 15));
      }
      const seen: string[] = [];
      while (seen.length < large.length) {
        const leased = await script.lease(100);
        expect(leased.length).toBeGreaterThan(0);
        seen.push(...leased.map(({ reference }) => reference));
        if (seen.length < large.length) expect(leased.length * 1e6).toBeGreaterThanOrEqual(PAYLOAD_BUDGET);
      }
      expect(seen).toEqual(references);
      expect(await script.lease(100)).toEqual([]);
    });

    // "The driver must stop once the contents (payloads and texts, and details, if the batch asks for them) add up to at least `PAYLOAD_BUDGET`"
    for (const field of ['reference', 'encoding', 'kind'] as const) {
      test(`stops at the budget if the size is in the ${field}`, async (fixture) => {
        const script = fixture.script();
        const large = { ...content(''), [field]: 'x'.repeat(1.1e6) };
        for (let start = 0; start < 20; start += 4) await script.produceItems(Array(4).fill(large));
        const leased = await script.lease(100);
        expect(leased.length * 1.1e6).toBeGreaterThanOrEqual(PAYLOAD_BUDGET);
        expect(leased.length).toBeLessThan(20);
        expect(leased.length + (await script.lease(100)).length).toBe(20);
      });
    }

    // "and details, if the batch asks for them"
    test.ifCapable('metadata', 'stops at the budget if the size is in the details', async (fixture) => {
      const script = fixture.script();
      const large = { ...content(''), metadata: new Map([['key', 'x'.repeat(1.1e6)]]) };
      for (let start = 0; start < 20; start += 4) await script.produceItems(Array(4).fill(large));
      const batch = { limit: 100, leaseTimeout: LEASE_TIMEOUT, details: true };
      const first = await script.store.lease(batch);
      expect(first.length).toBeLessThan(20);
      expect(isBudgetSpent(first)).toBe(true);
      let leased = first.length;
      while (leased < 20) {
        const { length } = await script.store.lease(batch);
        expect(length).toBeGreaterThan(0);
        leased += length;
      }
    });

    // the same in the stored item; everything else stays
    test('marks the stored item as leased and keeps its other fields', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { sourceId: 'source', attempts: 4, maxAttempts: 9 });
      const [before] = await script.queued();
      await fixture.clock.advance('5s');
      await script.lease();
      const [after] = await script.queued();
      expect(after).toMatchObject({
        id: before?.id,
        isLeased: true,
        leaseDeadline: addDuration(fixture.clock.now(), LEASE_TIMEOUT),
        attempts: 5,
        maxAttempts: 9,
        sourceId: 'source',
        createdAt: before?.createdAt,
        expireDeadline: before?.expireDeadline,
      });
    });

    // "now plus leaseTimeout": truncated to microseconds
    test('keeps the lease deadline to the microsecond', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b');
      const now = fixture.clock.now();
      const [exact] = await script.lease(1, parseDuration('1.000001s'));
      const [finer] = await script.lease(1, parseDuration('1.000001999s'));
      expect([exact?.leaseDeadline, finer?.leaseDeadline]).toEqual([now + 1_000_001n, now + 1_000_001n]);
      const stored = (await script.queued()).map((item) => item.leaseDeadline);
      expect(stored).toEqual([now + 1_000_001n, now + 1_000_001n]);
    });

    // "Skips leased and scheduled items"
    test('skips leased and scheduled items', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      await script.produceItems([newItem('later', script.in('1h'))]);
      await script.produce('b');
      await script.lease(1);
      await script.produceItems([newItem('sooner', script.in('1m'))]);
      await script.produce('c');
      expect(textsOf(await script.lease())).toEqual(['b', 'c']);
    });

    // only a sweep ends an overdue lease, and only a sweep enqueues a scheduled item
    test('leaves overdue leases and due schedules to the sweep', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('scheduled', script.in('1s')), newItem('leased')]);
      await script.lease();
      await fixture.clock.advance('2h');
      expect(await script.lease()).toEqual([]);
    });

    // "adds one to their attempts": in each lease
    test('counts every lease of an item', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      for (let attempt = 1; attempt <= 5; attempt++) {
        const [item] = await script.lease(1);
        expect(item?.attempts).toBe(attempt);
        await script.retry({ id: item?.id ?? '' });
      }
    });

    // "lowest ids first" over many batches
    test('empties a backlog of 5,000 in order', async (fixture) => {
      const script = fixture.script();
      for (let n = 0; n < 5; n++) await script.produce(...numbered(`batch${n}-`, 1_000));
      const texts: string[] = [];
      for (let batch = await script.lease(700); batch.length > 0; batch = await script.lease(700)) {
        const ids = batch.map((item) => item.id);
        expect(ids).toEqual([...ids].sort());
        texts.push(...textsOf(batch));
        await script.complete(...ids);
      }
      expect(texts).toEqual([0, 1, 2, 3, 4].flatMap((n) => numbered(`batch${n}-`, 1_000)));
    });

    // a limit above the number of items is valid
    test('leases 5,000 items in one call', async (fixture) => {
      const script = fixture.script();
      await script.produce(...numbered('item', 5_000));
      expect(textsOf(await script.lease(5_000))).toEqual(numbered('item', 5_000));
      expect(await script.store.stats()).toMatchObject({ waiting: 0, leased: 5_000 });
    });
  });

  describe('release', () => {
    // "The items wait again under the same ids, at their old place, with one attempt less"
    test('returns items to their old place, as if never leased', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c');
      const before = await script.queued();
      const leased = await script.lease();
      await fixture.clock.advance('1s');
      expect(await script.store.release(leased.map((item) => item.id))).toBe(3);
      expect(await script.queued()).toEqual(before);
    });

    // "at their old place": between older and newer items
    test('keeps the old order of released items', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c', 'd');
      const [a, b, c] = (await script.lease(3)).map((item) => item.id) as [string, string, string];
      await script.store.release([c]);
      await script.store.release([a]);
      expect(textsOf(await script.lease())).toEqual(['a', 'c', 'd']);
      await script.store.release([b, a]);
      await script.produce('e');
      expect(textsOf(await script.lease())).toEqual(['a', 'b', 'e']);
    });

    // "with one attempt less": for any number of attempts
    test('takes back one attempt', async (fixture) => {
      const script = fixture.script();
      await script.import('a', { attempts: 3 });
      await script.store.release([await script.leaseOne()]);
      expect((await script.queued())[0]?.attempts).toBe(3);
      expect((await script.lease())[0]?.attempts).toBe(4);
    });

    // "Ids that are not leased are ignored"
    test('skips ids that are not leased', async (fixture) => {
      const script = fixture.script();
      const moving = await script.addMoving('moving');
      await script.produce('leased', 'completed', 'waiting');
      const [leased, completed] = (await script.lease(2)).map((item) => item.id) as [string, string];
      await script.complete(completed);
      await script.produceItems([newItem('scheduled', script.in('1h'))]);
      const waiting = (await script.queued()).at(-1)?.id as string;
      const scheduled = (await script.scheduled())[0]?.id as string;
      const ids = [moving, waiting, scheduled, completed, '0'.repeat(27), 'no id', leased];
      expect(await script.store.release(ids)).toBe(1);
      expect(textsOf(await script.lease())).toEqual(['leased', 'waiting']);
      expect((await script.scheduled())[0]?.attempts).toBe(0);
    });

    // an empty release succeeds
    test('accepts an empty list', async (fixture) => {
      expect(await fixture.partition().release([])).toBe(0);
    });

    // the lease ended: its id no longer proves a lease
    test('ends the lease', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const id = await script.leaseOne();
      await script.store.release([id]);
      const [outcome] = await script.store.complete([{ ids: [id] }]);
      expect(outcome?.ok).toBe(false);
      expect(await script.store.stats()).toMatchObject({ waiting: 1, leased: 0 });
      await fixture.clock.advance('2m');
      expect((await script.sweep()).requeued).toBe(0);
    });

    // the item's expire deadline applies again
    test('keeps the expire deadline of the item', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('1h'));
      await fixture.clock.advance('59m30s');
      const id = await script.leaseOne(parseDuration('10m'));
      await fixture.clock.advance('1m');
      expect((await script.sweep()).dead).toEqual([]);
      await script.store.release([id]);
      expect(textsOf((await script.sweep()).dead)).toEqual(['a']);
    });
  });
}
