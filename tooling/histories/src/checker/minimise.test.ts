import { expect, test } from 'vitest';
import { simulateHistory } from '../../test/simulated-history.ts';
import { given, history, lease, produce } from '../../test/small-history.ts';
import type { History } from '../history/history.ts';
import { checkHistory } from './check-history.ts';
import { describeHistory } from './describe-history.ts';
import { minimise } from './minimise.ts';
import type { Violation } from './violation.ts';

const firstOf = (found: readonly Violation[]) => found[0] as Violation;

test('keeps the calls that a violation needs, and no others', () => {
  const noise = Array.from({ length: 30 }, (_, n) => [
    produce(n * 10, n * 10 + 1, `x${n} y${n}`),
    lease(n * 10 + 2, n * 10 + 3, [given(`x${n}`), given(`y${n}`)]),
  ]).flat();
  const bad = [
    ...[produce(400, 401, 'z a'), produce(402, 403, 'b')],
    ...[lease(404, 405, [given('b')]), lease(406, 407, [given('z'), given('a')])],
  ];
  const whole = history([...noise, ...bad], { disturbances: [{ what: 'a cut', from: 9_000, to: 9_001 }] });
  const violation = firstOf(checkHistory(whole));
  const small = minimise(whole, violation);
  expect(small.operations).toHaveLength(4);
  expect(small.disturbances).toEqual([]);
  expect(checkHistory(small)).toHaveLength(1);
  expect(describeHistory(small, violation)).toContain('overtook');
});

test('keeps the violation of a long history', () => {
  const good = simulateHistory({
    ...{
      seed: 5,
      partitions: 2,
      producers: 3,
      consumers: 3,
      faults: true,
      clears: false,
      outboxClients: 0,
      letters: false,
    },
  });
  const produced = good.operations.filter((each) => each.call === 'produce' && each.outcome === 'ok');
  const victim = produced[Math.floor(produced.length / 2)];
  const bad: History = {
    ...good,
    operations: good.operations.map((each) =>
      each === victim && each.call === 'produce' ? { ...each, items: [...each.items, 'lost'] } : each,
    ),
  };
  const violation = firstOf(checkHistory(bad));
  const small = minimise(bad, violation);
  expect(small.operations.length).toBeLessThan(8);
  expect(checkHistory(small)).toContainEqual(
    expect.objectContaining({ rule: violation.rule, items: violation.items }),
  );
});
