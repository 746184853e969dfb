import { heldTooLong, type ItemId, metadataUnavailable, type Outcome, parseDuration } from '@querator/core';
import { describe, expect } from 'vitest';
import { newItem, numbered, textsOf } from '../fixture/content.ts';
import { LEASE_TIMEOUT, type PartitionScript, valuesOf } from '../fixture/partition-script.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const UNKNOWN_ID = `00000000000000000${'x'.repeat(10)}`;
const MUCH_LATER = parseDuration('10m');

/** What `PartitionStore.extend` promises. */
export function describeExtend(test: StorageTest): void {
  describe('extend', () => {
    // "now plus their `leaseTimeout`"
    test.ifCapable(
      'extend',
      'sets the lease deadline from now on, and keeps the rest of the item',
      async (fixture) => {
        const script = fixture.script();
        await script.import('a', { sourceId: 'source', attempts: 2, maxAttempts: 5 });
        const id = await script.leaseOne();
        const [before] = await script.queued();
        await fixture.clock.advance('45s');
        const leaseDeadline = script.in('10m');
        expect(await script.extend(MUCH_LATER, id)).toEqual([{ ok: true, value: leaseDeadline }]);
        expect(await script.queued()).toEqual([{ ...before, leaseDeadline }]);
        await fixture.clock.advance('10m');
        expect((await script.sweep()).requeued).toBe(0);
        await script.complete(id);
      },
    );

    // "be it later or earlier than the present one"
    test.ifCapable('extend', 'may shorten a lease', async (fixture) => {
      const script = fixture.script();
      await script.produce('long', 'short');
      const [, short] = (await script.lease(2, MUCH_LATER)).map((item) => item.id);
      const second = parseDuration('1s');
      await script.extend(second, short as ItemId);
      await fixture.clock.advance('1001ms');
      expect((await script.sweep()).requeued).toBe(1);
      expect(await script.queuedTexts()).toEqual(['long', 'short']);
    });

    // "Only the leased state counts, even if the lease deadline has passed"
    test.ifCapable(
      'extend',
      'extends a lease that has ended, as long as no sweep has found it',
      async (fixture) => {
        const script = fixture.script();
        await script.produce('a');
        const id = await script.leaseOne();
        await fixture.clock.advance('2m');
        expect(valuesOf(await script.extend(LEASE_TIMEOUT, id))).toEqual([script.in('1m')]);
        expect(await script.sweep({ maxAttempts: 1 })).toMatchObject({ requeued: 0, dead: [] });
        await script.complete(id);
      },
    );

    test.ifCapable('extend', 'fails once a sweep has taken the item back', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const id = await script.leaseOne();
      await fixture.clock.advance('2m');
      await script.sweep();
      expect(reasonsOf(await script.extend(LEASE_TIMEOUT, id))).toEqual(['lease_lost']);
      expect((await script.queued())[0]?.isLeased).toBe(false);
    });

    // a lease outlives the expiry of its item
    test.ifCapable('extend', 'extends a lease beyond the expiry of its item', async (fixture) => {
      const script = fixture.script();
      await script.produceItems([newItem('a')], parseDuration('2m'));
      const id = await script.leaseOne();
      for (let minute = 0; minute < 5; minute++) {
        await fixture.clock.advance('1m');
        valuesOf(await script.extend(LEASE_TIMEOUT, id));
        expect(await script.sweep()).toMatchObject({ requeued: 0, dead: [] });
      }
      await fixture.clock.advance('61s');
      expect(textsOf((await script.sweep()).dead)).toEqual(['a']);
    });

    // "Each item is decided by itself", with the reason of each fault
    test.ifCapable('extend', 'decides each item by itself', async (fixture) => {
      const script = fixture.script();
      const moving = await script.addMoving('moving');
      const moved = await script.addMoved('moved');
      await script.prepare('letter');
      const letter = (await script.prepared())[0]?.id as ItemId;
      await script.produce('good1', 'good2', 'gone', 'waiting');
      const [good1, good2, gone] = (await script.lease(3)).map(({ id }) => id) as [ItemId, ItemId, ItemId];
      await script.complete(gone);
      await script.produceItems([newItem('scheduled', script.in('1h'))]);
      const waiting = (await script.queued()).at(-1)?.id as ItemId;
      const scheduled = (await script.scheduled())[0]?.id as ItemId;
      const hidden = [await script.prepared(), await script.scheduled()];
      const outcomes = await script.extend(
        MUCH_LATER,
        ...[
          moving,
          good2,
          moved,
          letter,
          gone,
          waiting,
          scheduled,
          UNKNOWN_ID,
          'short',
          'é'.repeat(27),
          good1,
        ],
      );
      expect(reasonsOf(outcomes)).toEqual([
        ...['lease_lost', 'ok', 'lease_lost', 'lease_lost', 'lease_lost'],
        ...['not_leased', 'not_leased', 'lease_lost', 'no_such_item', 'no_such_item', 'ok'],
      ]);
      expect([await script.prepared(), await script.scheduled()]).toEqual(hidden);
      expect(outcomes[5]).toMatchObject({
        error: { message: `item(s) cannot be extended; '${waiting}' is not marked as leased` },
      });
      await fixture.clock.advance('2m');
      expect((await script.sweep()).requeued).toBe(0);
      await script.complete(good1, good2);
    });

    // "Of an id that is named twice, the last deadline stays"
    test.ifCapable('extend', 'takes the last of two timeouts for one item', async (fixture) => {
      const script = fixture.script();
      await script.produce('a');
      const id = await script.leaseOne();
      const outcomes = await script.store.extend?.([
        { id, leaseTimeout: MUCH_LATER },
        { id, leaseTimeout: parseDuration('5m') },
      ]);
      expect(reasonsOf(outcomes ?? [])).toEqual(['ok', 'ok']);
      expect((await script.queued())[0]?.leaseDeadline).toBe(script.in('5m'));
    });

    test.ifCapable('extend', 'takes no item, and a thousand of them', async (fixture) => {
      const script = fixture.script();
      expect(await script.store.extend?.([])).toEqual([]);
      await script.produce(...numbered('item', 1_000));
      const ids = (await script.lease()).map(({ id }) => id);
      await fixture.clock.advance('59s');
      expect(valuesOf(await script.extend(LEASE_TIMEOUT, ...ids.toReversed()))).toHaveLength(1_000);
      await fixture.clock.advance('59s');
      expect(await script.sweep()).toMatchObject({ requeued: 0 });
      await script.complete(...ids);
    });

    describe('with a bound', () => {
      const LIMIT = parseDuration('5m');
      const bounded = (script: PartitionScript, id: ItemId, maxHold = LIMIT) =>
        script.store.extend?.([{ id, leaseTimeout: LEASE_TIMEOUT, maxHold }]) ?? [];

      // "If more time than `maxHold` has passed since then, the error is `heldTooLong`, and the lease stays"
      test.ifCapable(
        'extend',
        'extends a lease until it was held for so long, and leaves it then',
        async (fixture) => {
          const script = fixture.script();
          if (await refusesBounds(script)) return;
          await script.produce('a');
          const id = await script.leaseOne();
          await fixture.clock.advance('50s');
          for (let minute = 0; minute <= 5; minute++) {
            expect(await bounded(script, id)).toEqual([{ ok: true, value: script.in('1m') }]);
            await fixture.clock.advance('1m');
          }
          const [before] = await script.queued();
          expect(await bounded(script, id)).toEqual([{ ok: false, error: heldTooLong(id, LIMIT) }]);
          expect(await script.queued()).toEqual([before]);
          await script.complete(id);
        },
      );

      // each request has a bound of its own, and one without has none
      test.ifCapable(
        'extend',
        'counts from the first extension with a bound, for every bound',
        async (fixture) => {
          const script = fixture.script();
          if (await refusesBounds(script)) return;
          await script.produce('a');
          const id = await script.leaseOne(parseDuration('1h'));
          valuesOf(await script.extend(LEASE_TIMEOUT, id));
          await fixture.clock.advance('10m');
          valuesOf(await bounded(script, id));
          await fixture.clock.advance('6m');
          expect(reasonsOf(await bounded(script, id))).toEqual(['over_limit']);
          expect(reasonsOf(await bounded(script, id, parseDuration('7m')))).toEqual(['ok']);
          expect(reasonsOf(await script.extend(LEASE_TIMEOUT, id))).toEqual(['ok']);
          expect(reasonsOf(await bounded(script, id))).toEqual(['over_limit']);
        },
      );

      test.ifCapable('extend', 'decides each item by itself', async (fixture) => {
        const script = fixture.script();
        if (await refusesBounds(script)) return;
        await script.produce('long', 'fresh', 'free', 'waiting');
        const [long, fresh, free] = (await script.lease(3, parseDuration('1h'))).map((item) => item.id) as [
          ItemId,
          ItemId,
          ItemId,
        ];
        valuesOf(await bounded(script, long));
        await fixture.clock.advance('6m');
        const outcomes = await script.store.extend?.([
          { id: long, leaseTimeout: LEASE_TIMEOUT, maxHold: LIMIT },
          { id: UNKNOWN_ID, leaseTimeout: LEASE_TIMEOUT, maxHold: LIMIT },
          { id: fresh, leaseTimeout: LEASE_TIMEOUT, maxHold: LIMIT },
          { id: free, leaseTimeout: LEASE_TIMEOUT },
        ]);
        expect(reasonsOf(outcomes ?? [])).toEqual(['over_limit', 'lease_lost', 'ok', 'ok']);
      });

      // "The item counts anew under its next id"
      test.ifCapable('extend', 'counts anew once the item has come back', async (fixture) => {
        const script = fixture.script();
        if (await refusesBounds(script)) return;
        await script.produce('a');
        const first = await script.leaseOne();
        valuesOf(await bounded(script, first));
        await fixture.clock.advance('6m');
        await script.sweep();
        const second = await script.leaseOne();
        expect(reasonsOf(await bounded(script, second))).toEqual(['ok']);
        await fixture.clock.advance('6m');
        expect(reasonsOf(await bounded(script, second))).toEqual(['over_limit']);
        await script.retry({ id: second });
        const third = await script.leaseOne();
        expect(reasonsOf(await bounded(script, third))).toEqual(['ok']);
        await script.retry({ id: third, retryAt: script.in('1m') });
        await fixture.clock.advance('6m');
        await script.sweep();
        expect(reasonsOf(await bounded(script, await script.leaseOne()))).toEqual(['ok']);
      });

      // the bound is no detail of the item
      test.ifCapable('extend', 'keeps the metadata of the item', async (fixture) => {
        const script = fixture.script();
        if (await refusesBounds(script)) return;
        const metadata = new Map([['held', 'mine']]);
        await script.produceItems([{ ...newItem('a'), metadata }]);
        const id = await script.leaseOne();
        valuesOf(await bounded(script, id));
        const [item] = await script.store.list({ state: 'queued', pivot: '', limit: 1, details: true });
        expect(item?.details).toMatchObject({ firstId: id, metadata });
      });
    });

    // "Of an extend and a concurrent sweep, exactly one has an effect on a lease"
    test.ifCapable('extend', 'races with a sweep, and exactly one of them has each item', async (fixture) => {
      const scripts = await fixture.callers();
      const script = scripts[0] as PartitionScript;
      for (let round = 0; round < 8; round++) {
        await script.produce(...numbered('item', 20));
        const ids = (await script.lease()).map(({ id }) => id);
        await fixture.clock.advance('2m');
        const half = round % 2 === 0 ? ids.toReversed() : ids;
        const [outcomes, ...swept] = await Promise.all([
          (scripts.at(-1) as PartitionScript).extend(LEASE_TIMEOUT, ...half),
          ...scripts.map((each) => each.sweep({ limit: 7 })),
        ]);
        const extended = half.filter((_, n) => outcomes[n]?.ok === true);
        const requeued = swept.reduce((sum, each) => sum + each.requeued, 0);
        expect(extended.length + requeued).toBe(20);
        const leased = (await script.queued()).filter(({ isLeased }) => isLeased).map(({ id }) => id);
        expect(leased.toSorted()).toEqual(extended.toSorted());
        await script.store.clear({ waiting: true, leased: true, scheduled: true });
      }
    });

    test.ifCapable('extend', 'races with complete and retry, and loses the item to them', async (fixture) => {
      const scripts = await fixture.callers();
      const script = scripts[0] as PartitionScript;
      for (let round = 0; round < 5; round++) {
        await script.produce('a', 'b');
        const [a, b] = (await script.lease()).map(({ id }) => id) as [ItemId, ItemId];
        await Promise.all([
          (scripts.at(-1) as PartitionScript).extend(LEASE_TIMEOUT, b, a),
          scripts[1]?.complete(a),
          scripts[0]?.retry({ id: b }),
        ]);
        expect(textsOf(await script.queued())).toEqual(['b']);
        expect((await script.queued())[0]).toMatchObject({ isLeased: false });
        expect(reasonsOf(await script.extend(LEASE_TIMEOUT, a, b))).toEqual(['lease_lost', 'lease_lost']);
        await script.store.clear({ waiting: true, leased: true, scheduled: true });
      }
    });

    test.ifCapable(
      'extend',
      'can name the same ids in different orders at the same time',
      async (fixture) => {
        const scripts = await fixture.callers();
        await scripts[0]?.produce(...numbered('item', 60));
        const ids = ((await scripts[0]?.lease()) ?? []).map(({ id }) => id);
        const calls = Array.from({ length: 12 }, (_, n) => {
          const each = scripts[n % scripts.length] as PartitionScript;
          return each.extend(LEASE_TIMEOUT, ...(n % 2 === 0 ? ids : ids.toReversed()));
        });
        for (const outcomes of await Promise.all(calls)) expect(valuesOf(outcomes)).toHaveLength(60);
      },
    );
  });
}

/** The reason of each error. */
function reasonsOf(outcomes: readonly Outcome<unknown>[]): (string | undefined)[] {
  return outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.reason));
}

/** Whether the partition keeps no details. Then it refuses every extension with a bound. */
async function refusesBounds(script: PartitionScript): Promise<boolean> {
  const { metadataFault } = await script.store.probe();
  if (metadataFault === undefined) return false;
  await script.produce('refused');
  const id = await script.leaseOne();
  const outcomes = await script.store.extend?.([
    { id, leaseTimeout: MUCH_LATER, maxHold: MUCH_LATER },
    { id: UNKNOWN_ID, leaseTimeout: MUCH_LATER },
  ]);
  expect(outcomes?.[0]).toEqual({ ok: false, error: metadataUnavailable(metadataFault) });
  expect(reasonsOf(outcomes ?? [])).toEqual(['unavailable', 'lease_lost']);
  expect((await script.queued())[0]?.leaseDeadline).toBe(script.in('1m'));
  return true;
}
