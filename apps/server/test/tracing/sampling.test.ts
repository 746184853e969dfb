import { TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import { describe, expect, test } from 'vitest';
import { Sampling } from '../../src/tracing/sampling.ts';

const parent = (traceId: string, isSampled: boolean) => ({
  ...{ traceId, spanId: 'b'.repeat(16), traceFlags: isSampled ? 1 : 0 },
});

describe('a call without a parent', () => {
  test.each([0, 0.01, 0.3, 1])('is recorded with the probability %d, and any program agrees', (ratio) => {
    const sampling = new Sampling({ isParentBased: true, ratio });
    const others = new TraceIdRatioBasedSampler(ratio);
    const calls = 5_000;
    const ids = new Set<string>();
    for (let call = 0; call < calls; call++) {
      if (!sampling.includes(undefined)) continue;
      const traceId = sampling.ids.generateTraceId();
      ids.add(traceId);
      expect(traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(others.shouldSample(undefined as never, traceId).decision).toBe(2);
    }
    // Outside of six standard deviations once in a billion runs.
    const margin = 6 * Math.sqrt(calls * ratio * (1 - ratio));
    expect(Math.abs(ids.size - calls * ratio)).toBeLessThanOrEqual(margin);
  });

  test('leaves its id to its own trace', () => {
    const sampling = new Sampling({ isParentBased: true, ratio: 0.01 });
    while (!sampling.includes(undefined));
    sampling.includes(parent('a'.repeat(32), true));
    const others = new TraceIdRatioBasedSampler(0.01);
    // A later id is any id, of which one in a hundred would be chosen.
    const later = Array.from({ length: 20 }, () => sampling.ids.generateTraceId());
    const chosen = later.filter((id) => others.shouldSample(undefined as never, id).decision === 2);
    expect(chosen.length).toBeLessThan(20);
  });
});

describe('a call with a parent', () => {
  test('follows it, or is decided for by the id of its trace', () => {
    const [low, high] = [`${'0'.repeat(31)}1`, `${'0'.repeat(24)}ffffffff`];
    const following = new Sampling({ isParentBased: true, ratio: 0 });
    expect(following.includes(parent(high, true))).toBe(true);
    expect(following.includes(parent(low, false))).toBe(false);
    const own = new Sampling({ isParentBased: false, ratio: 0.5 });
    expect(own.includes(parent(low, false))).toBe(true);
    expect(own.includes(parent(high, true))).toBe(false);
  });
});
