import fc from 'fast-check';
import { expect, test } from 'vitest';
import { existsOrder } from '../../test/search-order.ts';
import { given, history, lease, produce } from '../../test/small-history.ts';
import { checkHistory } from './check-history.ts';

const call = fc.record({ from: fc.integer({ min: 0, max: 8 }), takes: fc.integer({ min: 0, max: 4 }) });
const cases = fc
  .record({
    produces: fc.array(fc.record({ call, size: fc.integer({ min: 1, max: 3 }) }), {
      minLength: 1,
      maxLength: 3,
    }),
    leases: fc.array(call, { minLength: 1, maxLength: 4 }),
    order: fc.array(fc.nat(), { minLength: 9, maxLength: 9 }),
    takers: fc.array(fc.nat(), { minLength: 9, maxLength: 9 }),
  })
  .map(({ produces, leases, order, takers }) => {
    const made = produces.map(({ call: { from, takes }, size }, n) => {
      const names = Array.from({ length: size }, (_, place) => `${'abc'[n]}${place}`);
      return produce(from, from + takes, names.join(' '));
    });
    const items = made.flatMap((each) => each.items);
    // Most answers are consistent in themselves, so that more interesting faults occur.
    const shuffled =
      order[0] === 0 ? items.toSorted((a, b) => rank(a, order, items) - rank(b, order, items)) : items;
    const answers = leases.map(({ from, takes }, n) =>
      lease(
        from + 2,
        from + 2 + takes,
        shuffled
          .filter((item) => (takers[items.indexOf(item)] ?? 0) % leases.length === n)
          .map((item) => given(item)),
      ),
    );
    return { made, got: answers.filter(({ given }) => given.length > 0) };
  });

function rank(item: string, order: readonly number[], items: readonly string[]): number {
  return order[items.indexOf(item)] ?? 0;
}

/** Some faults depend on the times of several answers at once, which no single pattern covers. */
const MISSED_AT_MOST = 0.02;

test('the rules reject no small history that has an order, and accept few without one', () => {
  const count = { good: 0, bad: 0, missed: 0 };
  fc.assert(
    fc.property(cases, ({ made, got }) => {
      const violations = checkHistory(history([...made, ...got]));
      if (existsOrder(made, got)) {
        count.good++;
        expect(violations.map(({ text }) => text)).toEqual([]);
      } else {
        count.bad++;
        if (violations.length === 0) count.missed++;
      }
    }),
    { numRuns: 3_000 },
  );
  expect(count.good).toBeGreaterThan(300);
  expect(count.bad).toBeGreaterThan(300);
  expect(count.missed / count.bad).toBeLessThan(MISSED_AT_MOST);
});
