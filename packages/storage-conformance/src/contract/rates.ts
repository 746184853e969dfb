import {
  addDuration,
  type Instant,
  instantFromMicroseconds,
  milliseconds,
  type QueueCounts,
  RATE_INTERVAL,
  RATES_KEPT,
  RATES_SPAN_MAX,
  type RateStore,
  toMicroseconds,
} from '@querator/core';
import { describe, expect } from 'vitest';
import type { Fixture } from '../fixture/fixture.ts';
import type { StorageTest } from '../fixture/storage-test.ts';

const NOTHING = { produced: 0, leased: 0, completed: 0, retried: 0, dead: 0 };
const HOUR = milliseconds(3_600_000);

function counts(queue: string, some: Partial<QueueCounts>): QueueCounts {
  return { ...NOTHING, ...some, queue };
}

/** What `RateStore` promises. */
export function describeRates(test: StorageTest): void {
  const minuteOf = (at: Instant) => instantFromMicroseconds(at - (at % toMicroseconds(RATE_INTERVAL)));

  describe('rate store', () => {
    test('a backend has one exactly if it claims rates', async ({ backend }) => {
      expect(backend.capabilities.rates ?? false).toBe(backend.rateStore !== undefined);
    });

    test.ofRates('adds up what happened within a minute', async (fixture, store) => {
      const queue = fixture.name();
      const minute = await atBegin(fixture);
      await store.add([counts(queue, { produced: 1, leased: 2, completed: 3, retried: 4, dead: 5 })]);
      await fixture.clock.advance('59s');
      await store.add([counts(queue, { produced: 10, dead: 2_000_000_000_000 })]);
      await fixture.clock.advance('1s');
      await store.add([counts(queue, { completed: 7 })]);
      expect(await store.read({ queues: [queue], span: HOUR })).toEqual({
        now: fixture.clock.now(),
        counts: [
          {
            ...{ queue, minute },
            ...{ produced: 11, leased: 2, completed: 3, retried: 4, dead: 2_000_000_000_005 },
          },
          { ...NOTHING, queue, minute: addDuration(minute, RATE_INTERVAL), completed: 7 },
        ],
      });
    });

    // "A `depth` replaces that of the minute"
    test.ofRates('keeps the last sample of what a queue holds in a minute', async (fixture, store) => {
      const queue = fixture.name();
      const minute = await atBegin(fixture);
      const depth = { waiting: 3_000_000_000, leased: 2, scheduled: 1, headAgeMs: 90_061_001 };
      await store.add([counts(queue, { produced: 1, depth: { ...depth, waiting: 7 } })]);
      await store.add([counts(queue, { produced: 1, depth })]);
      await store.add([counts(queue, { produced: 1 })]);
      await fixture.clock.advance('1m');
      await store.add([counts(queue, { produced: 1 })]);
      const { counts: found } = await store.read({ queues: [queue], span: HOUR });
      expect(found).toEqual([
        { ...NOTHING, queue, minute, produced: 3, depth },
        { ...NOTHING, queue, minute: addDuration(minute, RATE_INTERVAL), produced: 1 },
      ]);
    });

    test.ofRates('returns the queues that are asked for, in order, and no others', async (fixture, store) => {
      const [a = '', b = '', c = '', never = ''] = Array.from({ length: 4 }, () => fixture.name()).sort();
      const odd = `${fixture.name()} é "quoted" \\ \u{1f600}`;
      await store.add([counts(c, { leased: 3 }), counts(a, { leased: 1 }), counts(odd, { leased: 9 })]);
      await store.add([counts(b, { leased: 2 })]);
      const { counts: found } = await store.read({ queues: [c, never, a], span: HOUR });
      expect(found.map(({ queue, leased }) => [queue, leased])).toEqual([
        [a, 1],
        [c, 3],
      ]);
      expect((await store.read({ queues: [odd], span: HOUR })).counts).toMatchObject([
        { queue: odd, leased: 9 },
      ]);
      expect((await store.read({ queues: [never], span: HOUR })).counts).toEqual([]);
      expect((await store.read({ queues: [], span: HOUR })).counts).toEqual([]);
    });

    // "Contains the minutes that contain a part of the span"
    test.ofRates('returns the minutes of the span', async (fixture, store) => {
      const queue = fixture.name();
      await atBegin(fixture);
      await store.add([counts(queue, { produced: 1 })]);
      await fixture.clock.advance(RATE_INTERVAL);
      await store.add([counts(queue, { produced: 2 })]);
      await fixture.clock.advance(milliseconds(30_000));
      const within = async (ms: number) => {
        const { counts: found } = await store.read({ queues: [queue], span: milliseconds(ms) });
        return found.map(({ produced }) => produced);
      };
      expect(await within(30_000)).toEqual([2]);
      expect(await within(30_001)).toEqual([1, 2]);
    });

    test.ofRates('keeps counts for 25 hours', async (fixture, store) => {
      const queue = fixture.name();
      await atBegin(fixture);
      await store.add([counts(queue, { produced: 1 })]);
      await fixture.clock.advance(RATES_SPAN_MAX);
      await store.add([counts(queue, { produced: 2 })]);
      const produced = async () => {
        const { counts: found } = await store.read({ queues: [queue], span: RATES_KEPT });
        return found.map((each) => each.produced);
      };
      expect(await produced()).toEqual([1, 2]);
      await fixture.clock.advance(milliseconds(3_600_000));
      await store.add([]);
      await store.add([counts(fixture.name(), { produced: 3 })]);
      expect(await produced()).toEqual([1, 2]);
    });

    test.ofRates(
      'adds up what happened at all processes, also at the same time',
      async (fixture, store) => {
        const queues = Array.from({ length: 20 }, () => fixture.name());
        const other = (await fixture.open()).rateStore?.() as RateStore;
        const add = (of: RateStore, names: readonly string[]) =>
          of.add(names.map((queue) => counts(queue, { completed: 1 })));
        const reversed = queues.toReversed();
        await Promise.all(
          Array.from({ length: 10 }, () => [add(store, queues), add(other, reversed)]).flat(),
        );
        const { counts: found } = await store.read({ queues, span: HOUR });
        expect(found.map(({ completed }) => completed)).toEqual(queues.map(() => 20));
      },
      'shared',
    );
  });

  /** Goes on to the begin of a minute. @returns it. */
  async function atBegin({ clock }: Fixture): Promise<Instant> {
    const next = addDuration(minuteOf(clock.now()), RATE_INTERVAL);
    await clock.advance(milliseconds(Number(next - clock.now()) / 1_000));
    return next;
  }
}
