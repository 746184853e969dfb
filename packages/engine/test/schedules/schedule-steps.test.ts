import {
  addDuration,
  type Instant,
  instantFromMilliseconds,
  LIMITS,
  MISSED_POLICIES,
  milliseconds,
  type Schedule,
  type ScheduleState,
} from '@querator/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firedState, firstState, nextStep } from '../../src/schedules/schedule-steps.ts';

const MINUTE = 60_000_000n;
const LATE = milliseconds(60_000);
const START = instantFromMilliseconds(Date.UTC(2026, 0, 1));
/** Every minute. */
const next = (after: Instant) => ((after / MINUTE + 1n) * MINUTE) as Instant;

/** What happens to a schedule: a while passes, and then it is claimed. */
const event = fc.record({
  seconds: fc.oneof(fc.nat({ max: 90 }), fc.nat({ max: 3_600 }), fc.nat({ max: 200_000 })),
  /** `lost`: the item is stored, and the process dies before the row moves on. `died`: it dies before it did anything. */
  outcome: fc.constantFrom('stored', 'stored', 'stored', 'refused', 'lost', 'died'),
});

test('each time is fired once, counted as missed, or still to come', () => {
  const run = fc.record({
    missed: fc.constantFrom(...MISSED_POLICIES),
    end: fc.option(fc.nat({ max: 400_000 }), { nil: undefined }),
    events: fc.array(event, { maxLength: 30 }),
  });
  fc.assert(
    fc.property(run, ({ missed, end, events }) => {
      const until = end === undefined ? undefined : addDuration(START, milliseconds(end * 1_000));
      let state: ScheduleState = firstState(START, until, next);
      let now: Instant = START;
      let doubtSince: Instant | undefined;
      /** The last time that a process began to fire. */
      let attempted: Instant | undefined;
      const stored = new Set<Instant>();
      let last = START;
      const settle = (settled: ScheduleState) => {
        state = settled;
        doubtSince = undefined;
      };
      for (const { seconds, outcome } of events) {
        now = addDuration(now, milliseconds(seconds * 1_000));
        // As long as it is due, it is claimed again. All but the first attempt succeed.
        for (let tries = 0; state.dueAt !== undefined && state.dueAt <= now; tries++) {
          const schedule = { missed, until, state } as Schedule;
          const claimed = { schedule, claim: tries, claimedAt: now, doubtSince };
          const step = nextStep(claimed, next);
          if (step.kind === 'pass') {
            if (outcome === 'died' && tries === 0) {
              doubtSince ??= now;
              break;
            }
            settle(step.state);
            continue;
          }
          const { at } = step;
          expect(at).toBe(state.dueAt);
          if (missed === 'skip' && attempted !== at)
            expect(addDuration(at, LATE)).toBeGreaterThanOrEqual(now);
          if (outcome === 'refused' && tries === 0) break;
          doubtSince ??= now;
          attempted = at;
          if (outcome === 'died' && tries === 0) break;
          // A repeat has the same key.
          if (!stored.has(at)) {
            expect(at).toBeGreaterThan(last);
            stored.add(at);
            last = at;
          }
          if (outcome === 'lost' && tries === 0) break;
          settle(firedState(claimed, at, next));
        }
      }
      // Whatever is left is done at last.
      while (state.dueAt !== undefined && state.dueAt <= now) {
        const claimed = {
          schedule: { missed, until, state } as Schedule,
          claim: 0,
          claimedAt: now,
          doubtSince,
        };
        const step = nextStep(claimed, next);
        if (step.kind === 'fire') stored.add(step.at);
        settle(step.kind === 'pass' ? step.state : firedState(claimed, step.at, next));
      }
      const lastTime = until === undefined || until > now ? now : until;
      const times = Number(lastTime / MINUTE - START / MINUTE);
      expect(state.fired).toBe(stored.size);
      expect(state.fired + state.missed).toBe(times);
      expect(state.dueAt).toBe(until !== undefined && next(now) > until ? undefined : next(now));
      expect(state.backlog).toBeUndefined();
    }),
  );
});

test.each([
  ['skip', 61, 0],
  ['one', 61, 1],
  ['all', 61, 61],
  ['all', 5_000, LIMITS.scheduleBacklog],
] as const)('%s: of %i minutes that passed, %i are fired', (missed, minutes, fired) => {
  let state = firstState(START, undefined, next);
  // One more than a minute after the last of them, so that none is on time.
  const now = addDuration(START, milliseconds(minutes * 60_000 + 59_000));
  const claimedAt = addDuration(now, milliseconds(0));
  for (
    let steps = 0;
    state.dueAt !== undefined && state.dueAt <= addDuration(START, milliseconds(minutes * 60_000));
  ) {
    expect(++steps).toBeLessThan(2_000);
    const claimed = {
      schedule: { missed, until: undefined, state } as Schedule,
      claim: 0,
      claimedAt,
      doubtSince: undefined,
    };
    const step = nextStep(claimed, next);
    state = step.kind === 'pass' ? step.state : firedState(claimed, step.at, next);
  }
  // The last time is 59 s late, which is on time for `skip`.
  const onTime = missed === 'skip' ? 1 : 0;
  expect(state).toMatchObject({ fired: fired + onTime, missed: minutes - fired - onTime });
});
