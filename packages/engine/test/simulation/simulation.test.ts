import process from 'node:process';
import { describe, expect, test } from 'vitest';
import { expectNoViolation } from './expect-no-violation.ts';
import { PAST_FAILURES } from './past-failures.ts';
import { render } from './render.ts';
import { simulate } from './simulate.ts';

/** In milliseconds; enough for many seeds on a busy machine. */
const TIMEOUT_MS = 3_600_000;
/** After this many seeds the event loop gets a turn, so that Vitest receives a sign of life. */
const SEEDS_AT_ONCE = 20;

/** The number of seeds that are simulated twice. */
const COMPARED = 20;

const only = process.env['QUERATOR_SIMULATION_SEED'];
const first = Number(only ?? 1);
const runs = Number(process.env['QUERATOR_SIMULATION_RUNS'] ?? (only === undefined ? 2_000 : 1));

describe('the simulation', { timeout: TIMEOUT_MS }, () => {
  test.each(PAST_FAILURES)('repeats no past failure: $title', ({ seed }) => expectNoViolation(seed));

  test(`breaks no rule: ${runs} seeds from ${first} on`, async () => {
    for (let seed = first; seed < first + runs; seed++) {
      await expectNoViolation(seed);
      if (seed % SEEDS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  });

  test('runs the same for the same seed, and otherwise for another seed', async () => {
    const courses = new Set<string>();
    for (let seed = first; seed < first + COMPARED; seed++) {
      const course = render((await simulate(seed)).history);
      expect(render((await simulate(seed)).history)).toBe(course);
      courses.add(course);
    }
    expect(courses.size).toBe(COMPARED);
  });
});
