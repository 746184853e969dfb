import {
  addDuration,
  LAST_INSTANT,
  type ProduceRequest,
  parseDuration,
  SCHEDULE_THRESHOLD,
} from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem, numbered, textsOf } from '../fixture/content.ts';
import { EXPIRE_TIMEOUT, valuesOf } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

/** What `PartitionStore.produce` promises. */
export function describeProduce(test: StorageTest): void {
  describe('produce', () => {
    // "Adds items at the tail … in order"
    test('keeps the items of a request in their order', async (fixture) => {
      const script = fixture.script();
      await script.produce('a', 'b', 'c');
      expect(await script.queuedTexts()).toEqual(['a', 'b', 'c']);
    });

    // "Requests are stored in the order given", "Outcomes keep the request order"
    test('keeps requests in the given order, and returns an outcome for each', async (fixture) => {
      const script = fixture.script();
      const outcomes = await script.store.produce(
        [
          { items: [newItem('a'), newItem('b')] },
          { items: [newItem('c')] },
          { items: numbered('d', 3).map((t) => newItem(t)) },
        ],
        EXPIRE_TIMEOUT,
      );
      expect(outcomes).toEqual([2, 1, 3].map((waiting) => ({ ok: true, value: { waiting, scheduled: 0 } })));
      expect(await script.queuedTexts()).toEqual(['a', 'b', 'c', 'd0', 'd1', 'd2']);
    });

    // "The ids of the items, in order, if the request asks for them"
    test('returns the ids of plain, single, scheduled and described items to requests that ask', async (fixture) => {
      const script = fixture.script();
      const soon = script.in('1h');
      const produce = async (...requests: ProduceRequest[]) =>
        valuesOf(await script.store.produce(requests, EXPIRE_TIMEOUT)).map(({ ids }) => ids);
      const [one] = await produce({ items: [newItem('a')], returnIds: true });
      const [two, none, three] = await produce(
        { items: [newItem('b'), newItem('c')], returnIds: true },
        { items: [newItem('d')] },
        { items: [{ ...newItem('e'), kind: 'described' }], returnIds: true },
      );
      const [four] = await produce({
        items: [newItem('f', soon), newItem('g'), newItem('h', soon)],
        returnIds: true,
      });
      expect(none).toBeUndefined();
      const stored = [...(await script.queued()), ...(await script.scheduled())];
      const idOf = (text: string) => stored.find((item) => textsOf([item])[0] === text)?.id;
      expect([one, two, three, four]).toEqual(
        [['a'], ['b', 'c'], ['e'], ['f', 'g', 'h']].map((texts) => texts.map(idOf)),
      );
    });

    // "at the tail": the order of calls counts, even if the clock stands still
    test('keeps the order of calls at the same instant', async (fixture) => {
      const script = fixture.script();
      for (const text of numbered('item', 20)) await script.produce(text);
      expect(await script.queuedTexts()).toEqual(numbered('item', 20));
    });

    // "at the tail", even if the clock went back: the order is by id, not by createdAt
    test('adds at the tail even if the clock was set back', async (fixture) => {
      const script = fixture.script();
      await script.produce('first');
      fixture.clock.set(script.in('-1h'));
      await script.produce('second');
      expect(await script.queuedTexts()).toEqual(['first', 'second']);
      expect(textsOf(await script.lease())).toEqual(['first', 'second']);
    });

    // "Each item gets a new id, createdAt now, expireDeadline now plus expireTimeout, and 0 attempts"
    test('gives each item an id, its times and no attempts', async (fixture) => {
      const script = fixture.script();
      const expireTimeout = parseDuration('1h0m0.000001s');
      await script.produceItems([newItem('a')], expireTimeout);
      const [item] = await script.queued();
      expect(item?.id).toMatch(/^[0-9A-Za-z]{27}$/);
      expect(item?.createdAt).toBe(fixture.clock.now());
      expect(item?.expireDeadline).toBe(addDuration(fixture.clock.now(), expireTimeout));
      expect(item?.attempts).toBe(0);
      expect(item?.maxAttempts).toBe(0);
      expect(item?.isLeased).toBe(false);
      expect(item?.leaseDeadline).toBeUndefined();
      expect(item?.enqueueAt).toBeUndefined();
      expect(item?.sourceId).toBeUndefined();
    });

    // `expireTimeout` applies to this call only
    test('starts the expire timeout at each call', async (fixture) => {
      const script = fixture.script();
      const start = fixture.clock.now();
      await script.produceItems([newItem('a')], parseDuration('1h'));
      await fixture.clock.advance('10m');
      await script.produceItems([newItem('b')], parseDuration('1m'));
      const deadlines = (await script.queued()).map((item) => item.expireDeadline);
      expect(deadlines).toEqual(['1h', '11m'].map((after) => addDuration(start, parseDuration(after))));
    });

    // "The items of one request are stored all or not at all, next to each other": batches much larger than one request
    test('stores 5,000 items in one call in order', async (fixture) => {
      const script = fixture.script();
      const texts = numbered('item', 5_000);
      const requests = [0, 1, 2, 3, 4].map((n) => ({
        items: texts.slice(n * 1_000, (n + 1) * 1_000).map((text) => newItem(text)),
      }));
      valuesOf(await script.store.produce(requests, EXPIRE_TIMEOUT));
      const items = await script.queued();
      expect(textsOf(items)).toEqual(texts);
      const ids = items.map((item) => item.id);
      expect(new Set(ids).size).toBe(5_000);
      expect(ids).toEqual([...ids].sort());
    });

    // an empty batch and a request without items succeed
    test('accepts empty batches and empty requests', async (fixture) => {
      const script = fixture.script();
      expect(await script.store.produce([], EXPIRE_TIMEOUT)).toEqual([]);
      const nothing = { ok: true, value: { waiting: 0, scheduled: 0 } };
      expect(await script.store.produce([{ items: [] }], EXPIRE_TIMEOUT)).toEqual([nothing]);
      const outcomes = await script.store.produce(
        [{ items: [] }, { items: [newItem('a')] }, { items: [] }],
        EXPIRE_TIMEOUT,
      );
      expect(outcomes).toEqual([nothing, { ok: true, value: { waiting: 1, scheduled: 0 } }, nothing]);
      expect(await script.queuedTexts()).toEqual(['a']);
    });

    // "An item whose enqueueAt is at least the schedule threshold (100 ms) ahead is stored as scheduled"
    test('schedules from exactly 100 ms ahead, to the microsecond', async (fixture) => {
      const script = fixture.script();
      const threshold = addDuration(fixture.clock.now(), SCHEDULE_THRESHOLD);
      const outcomes = await script.store.produce(
        [
          {
            items: [
              newItem('past', script.in('-1h')),
              newItem('now', fixture.clock.now()),
              newItem('just below', addDuration(threshold, parseDuration('-1us'))),
              newItem('exactly', threshold),
              newItem('later', script.in('1h')),
            ],
          },
        ],
        EXPIRE_TIMEOUT,
      );
      expect(outcomes).toEqual([{ ok: true, value: { waiting: 3, scheduled: 2 } }]);
      expect(await script.queuedTexts()).toEqual(['past', 'now', 'just below']);
      expect(await script.scheduledTexts()).toEqual(['exactly', 'later']);
      const times = (await script.scheduled()).map((item) => item.enqueueAt);
      expect(times).toEqual([threshold, script.in('1h')]);
      for (const item of await script.queued()) expect(item.enqueueAt).toBeUndefined();
    });

    // "Its life begins at that time": from the threshold on
    test('starts the expire timeout of scheduled items at their enqueueAt', async (fixture) => {
      const script = fixture.script();
      const threshold = addDuration(fixture.clock.now(), SCHEDULE_THRESHOLD);
      const below = addDuration(threshold, parseDuration('-1us'));
      const items = [newItem('below', below), newItem('at', threshold), newItem('later', script.in('2h'))];
      await script.produceItems(items, parseDuration('1h'));
      expect((await script.queued())[0]?.expireDeadline).toBe(script.in('1h'));
      expect((await script.scheduled()).map(({ expireDeadline }) => expireDeadline)).toEqual([
        addDuration(threshold, parseDuration('1h')),
        script.in('3h'),
      ]);
    });

    // "at most `LAST_INSTANT`"
    test('lets no item expire later than the last instant', async (fixture) => {
      const script = fixture.script();
      const nearly = addDuration(LAST_INSTANT, parseDuration('-1us'));
      const items = [LAST_INSTANT, nearly].map((enqueueAt, n) => newItem(`${n}`, enqueueAt));
      for (const timeout of ['2us', '2562047h47m16.854775807s']) {
        await script.produceItems(items, parseDuration(timeout));
      }
      await script.produceItems([newItem('exactly', nearly)], parseDuration('1us'));
      const deadlines = (await script.scheduled()).map(({ expireDeadline }) => expireDeadline);
      expect(deadlines).toEqual([1, 2, 3, 4, 5].map(() => LAST_INSTANT));
    });

    // "next to each other and in order", waiting or scheduled
    test('gives the waiting and scheduled items of a request one sequence of ids', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a'), newItem('b', script.in('1h')), newItem('c')]);
      const ids = [...(await script.queued()), ...(await script.scheduled())].map((item) => item.id);
      const [a, c, b] = ids as [string, string, string];
      expect([a, b, c]).toEqual([...ids].sort());
    });
  });
}
