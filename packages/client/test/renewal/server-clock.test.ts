import { addDuration, type Instant, milliseconds } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ServerClock } from '../../src/renewal/server-clock.ts';

const SECOND_US = 1_000_000n;

/** A server whose clock has a lead of `leadMs`, and whose replies tell the time in whole seconds. */
function serverWith(clock: ManualClock, leadMs: number) {
  const now = () => addDuration(clock.now(), milliseconds(leadMs));
  return {
    now,
    serverTime: () => ({
      at: ((now() / SECOND_US) * SECOND_US) as Instant,
      precision: milliseconds(1_000),
    }),
  };
}

test('without a reading, the local clock counts', () => {
  const clock = new ManualClock();
  const it = new ServerClock(clock);
  expect(it.hasPassed(clock.now())).toBe(true);
  expect(it.hasPassed((clock.now() + 1n) as Instant)).toBe(false);
});

test('equal clocks are taken for equal, whatever the rounding of the readings', async () => {
  const clock = new ManualClock();
  const it = new ServerClock(clock);
  await clock.advance('700ms');
  const sentAt = clock.now();
  await clock.advance('5ms');
  it.observe({ sentAt, serverTime: serverWith(clock, 0).serverTime() });
  expect(it.now()).toBe(clock.now());
});

test('a server whose clock was set is followed', async () => {
  const clock = new ManualClock();
  const it = new ServerClock(clock);
  for (const leadMs of [0, 3_600_000, -3_600_000]) {
    const server = serverWith(clock, leadMs);
    it.observe({ sentAt: clock.now(), serverTime: server.serverTime() });
    const errorUs = Number(server.now() - it.now());
    expect(errorUs).toBeGreaterThanOrEqual(0);
    expect(errorUs).toBeLessThan(1_000_000);
  }
});

test('a clock that differs by more than a call takes never ends a lease early, and at most a second late', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.integer({ min: -86_400_000, max: -5_000 }), fc.integer({ min: 5_000, max: 86_400_000 })),
      fc.array(fc.record({ waitMs: fc.nat(3_000), delayMs: fc.nat(500) }), { minLength: 1, maxLength: 5 }),
      async (leadMs, calls) => {
        const clock = new ManualClock();
        const server = serverWith(clock, leadMs);
        const it = new ServerClock(clock);
        for (const { waitMs, delayMs } of calls) {
          const sentAt = clock.now();
          await clock.advance(`${waitMs}ms`);
          const serverTime = server.serverTime();
          await clock.advance(`${delayMs}ms`);
          it.observe({ sentAt, serverTime });
          expect(it.now()).toBeLessThanOrEqual(server.now());
        }
        const shortestDelayMs = Math.min(...calls.map(({ delayMs }) => delayMs));
        expect(Number(server.now() - it.now())).toBeLessThan((1_000 + shortestDelayMs) * 1_000);
      },
    ),
    { numRuns: 50 },
  );
});
