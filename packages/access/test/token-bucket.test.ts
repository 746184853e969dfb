import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBucket } from '../src/quotas/token-bucket.ts';

/** A request: after how many milliseconds it comes, and how many tokens it needs. */
const requests = fc.array(
  fc.record({ afterMs: fc.nat({ max: 3_000 }), tokens: fc.integer({ min: 1, max: 300 }) }),
  { minLength: 1, maxLength: 60 },
);
const rate = fc.double({ min: 0.1, max: 200, noNaN: true });

/** Requests that were served, with the time of each. */
interface Served {
  readonly atMs: number;
  readonly tokens: number;
}

function serve(bucket: TokenBucket, perSecond: number, all: { afterMs: number; tokens: number }[]): Served[] {
  const served: Served[] = [];
  let atMs = 0;
  for (const { afterMs, tokens } of all) {
    atMs += afterMs;
    bucket.setRate(perSecond, atMs);
    if (bucket.waitMs(tokens, atMs) > 0) continue;
    bucket.take(tokens, atMs);
    served.push({ atMs, tokens });
  }
  return served;
}

test('no period takes more than its own tokens and those of one second, or of the greatest request', () => {
  fc.assert(
    fc.property(rate, requests, (perSecond, all) => {
      const served = serve(new TokenBucket(perSecond, 0), perSecond, all);
      const greatest = Math.max(perSecond, ...served.map(({ tokens }) => tokens));
      for (let from = 0; from < served.length; from++) {
        let taken = 0;
        for (let to = from; to < served.length; to++) {
          taken += served[to]?.tokens ?? 0;
          const seconds = ((served[to]?.atMs ?? 0) - (served[from]?.atMs ?? 0)) / 1_000;
          expect(taken).toBeLessThanOrEqual(perSecond * seconds + greatest + 0.001);
        }
      }
    }),
  );
});

test('a request is served once it has waited for as long as it was told, and not much earlier', () => {
  fc.assert(
    fc.property(rate, requests, fc.integer({ min: 1, max: 300 }), (perSecond, all, tokens) => {
      const bucket = new TokenBucket(perSecond, 0);
      serve(bucket, perSecond, all);
      const nowMs = all.reduce((sum, { afterMs }) => sum + afterMs, 0);
      const waitMs = bucket.waitMs(tokens, nowMs);
      // The time is rounded up to a millisecond.
      if (waitMs > 2) expect(bucket.waitMs(tokens, nowMs + waitMs - 2)).toBeGreaterThan(0);
      expect(bucket.waitMs(tokens, nowMs + waitMs)).toBe(0);
    }),
  );
});

test('small requests get the whole rate in the long run', () => {
  const bucket = new TokenBucket(7, 0);
  let served = 0;
  for (let atMs = 0; atMs < 60_000; atMs += 10) {
    if (bucket.waitMs(1, atMs) > 0) continue;
    bucket.take(1, atMs);
    served++;
  }
  expect(served).toBeGreaterThanOrEqual(7 * 60);
  expect(served).toBeLessThanOrEqual(7 * 61);
});

test('requests that cannot be refused make others wait for a bounded time', () => {
  const bucket = new TokenBucket(10, 0);
  for (let n = 0; n < 1_000; n++) bucket.take(1, 0, 1);
  expect(bucket.waitMs(1, 0)).toBe(1_100);
});

test('a lower rate takes effect at once, and a higher one from then on', () => {
  const bucket = new TokenBucket(100, 0);
  bucket.setRate(10, 0);
  expect(bucket.waitMs(1, 0)).toBe(0);
  bucket.take(10, 0);
  expect(bucket.waitMs(1, 0)).toBe(100);
  bucket.setRate(1_000, 0);
  expect(bucket.waitMs(1, 0)).toBe(1);
  expect(bucket.isFull(0)).toBe(false);
  expect(bucket.isFull(1_000)).toBe(true);
});
