import { silentLogger } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Stock, type StockSize } from '../src/quotas/stock.ts';
import { StockSampler } from '../src/quotas/stock-sampler.ts';

const sizeOf = (items: number): StockSize => ({ items, bytes: items * 10 });

describe('a stock', () => {
  /** What happens to a stock: items are stored or not, and samples are taken. */
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('begin' as const), items: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ kind: fc.constant('end' as const), pick: fc.nat(), stored: fc.boolean() }),
      fc.record({ kind: fc.constant('sample' as const) }),
      fc.record({ kind: fc.constant('sampled' as const) }),
      fc.record({ kind: fc.constant('consume' as const), items: fc.nat({ max: 5 }) }),
    ),
    { maxLength: 60 },
  );

  test('is never below what is stored and what is being stored', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const stock = new Stock();
        let stored = 0;
        const inFlight: { items: number; end: (mayBeStored: boolean) => void }[] = [];
        let sampling: { take: (sample: StockSize & { atMs: number }) => void; found: number } | undefined;
        for (const step of all) {
          if (step.kind === 'begin') {
            inFlight.push({ items: step.items, end: stock.begin(sizeOf(step.items)) });
          } else if (step.kind === 'end' && inFlight.length > 0) {
            const [ended] = inFlight.splice(step.pick % inFlight.length, 1);
            if (step.stored) stored += ended?.items ?? 0;
            ended?.end(step.stored);
          } else if (step.kind === 'sample') {
            sampling ??= { take: stock.sampleBegins(), found: stored };
          } else if (step.kind === 'sampled' && sampling !== undefined) {
            sampling.take({ ...sizeOf(sampling.found), atMs: 0 });
            sampling = undefined;
          } else if (step.kind === 'consume') {
            stored = Math.max(stored - step.items, 0);
          }
          const held = stored + inFlight.reduce((sum, { items }) => sum + items, 0);
          expect(stock.items).toBeGreaterThanOrEqual(held);
          expect(stock.bytes).toBe(stock.items * 10);
        }
        // A sample while nothing is being stored is exact.
        for (const { end } of inFlight) end(false);
        stock.sampleBegins()({ ...sizeOf(stored), atMs: 0 });
        stock.sampleBegins()({ ...sizeOf(stored), atMs: 0 });
        expect(stock.items).toBe(stored);
      }),
    );
  });
});

describe('the sampler', () => {
  let clock: ManualClock;
  let nowMs = 0;
  let tookMs = 0;
  let fails = false;
  let sampled: string[] = [];
  let sampler: StockSampler;

  beforeEach(() => {
    clock = new ManualClock();
    [nowMs, tookMs, fails, sampled] = [0, 0, false, []];
    sampler = new StockSampler({
      clock,
      monotonicMs: () => nowMs,
      logger: silentLogger,
      measure: async (namespace) => {
        sampled.push(namespace);
        nowMs += tookMs;
        if (fails) throw new Error('the storage is down');
        return sizeOf(7);
      },
    });
  });

  /** Lets time pass on both clocks. */
  const pass = async (ms: number) => {
    nowMs += ms;
    await clock.advance(`${ms}ms`);
  };

  test('is asked for the first sample, and knows it then', async () => {
    const first = sampler.fresh('a', 1_000);
    expect(first).toBeInstanceOf(Promise);
    await first;
    expect(sampler.of('a').items).toBe(7);
    expect(sampler.ageMs('a')).toBe(0);
    expect(sampler.fresh('a', 1_000)).toBeUndefined();
  });

  test('samples a namespace again once a second while items are stored in it', async () => {
    await sampler.fresh('a', 0);
    for (let n = 0; n < 100; n++) {
      sampler.touch('a');
      await pass(50);
    }
    expect(sampled.length).toBe(5);
    await pass(60_000);
    expect(sampled.length).toBe(5);
  });

  test('takes a twentieth of the time at most', async () => {
    tookMs = 300;
    for (let n = 0; n < 600; n++) {
      sampler.touch('a');
      await pass(100);
    }
    expect(sampled.length).toBeGreaterThanOrEqual(8);
    expect(sampled.length).toBeLessThanOrEqual(11);
  });

  test('samples each of many namespaces within 30 s, however long that takes', async () => {
    tookMs = 250;
    const names = Array.from({ length: 100 }, (_, n) => `n-${n}`);
    for (let n = 0; n < 400; n++) {
      for (const name of names) sampler.touch(name);
      await pass(100);
    }
    // The clock moves in steps.
    for (const name of names) expect(sampler.ageMs(name)).toBeLessThan(32_000);
  });

  test('keeps the last sample while the storage is down, and tries again', async () => {
    await sampler.fresh('a', 0);
    fails = true;
    await pass(5_000);
    sampler.touch('a');
    await pass(1);
    expect(sampler.of('a').items).toBe(7);
    expect(sampler.ageMs('a')).toBeGreaterThan(5_000);
    fails = false;
    sampler.touch('a');
    await pass(1_000);
    expect(sampler.ageMs('a')).toBeLessThanOrEqual(1_000);
  });

  test('does not let callers wait for more than a second, nor after its end', async () => {
    const never = new StockSampler({
      clock,
      monotonicMs: () => nowMs,
      logger: silentLogger,
      measure: () => new Promise(() => {}),
    });
    let isOver = false;
    const waiting = never.fresh('a', 0)?.then(() => {
      isOver = true;
    });
    await pass(999);
    expect(isOver).toBe(false);
    await pass(1);
    await waiting;
    const ended = never.fresh('a', 0);
    never.stop();
    await ended;
    expect(never.fresh('a', 0)).toBeUndefined();
  });
});
