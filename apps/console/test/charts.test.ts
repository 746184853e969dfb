import { describe, expect, test } from 'vitest';
import { describeChart } from '../src/charts/chart-data.ts';
import { ageLine, depthHistory, depthLines } from '../src/screens/queue/depth-lines.ts';

test('a chart is said in words: the last and the greatest value of each line', () => {
  const data = {
    times: [0, 60, 120],
    series: [
      { label: 'Produced', color: 1, values: [3, 9, null] },
      { label: 'Dead', color: 2, values: [null, null, null] },
    ],
  } as const;
  expect(describeChart(data, (value) => `${value}/s`)).toBe(
    'Produced: last 9/s, at most 9/s; Dead: no values',
  );
});

describe('the history of a queue', () => {
  const now = '2026-11-30T12:00:00Z';
  const minute = (ago: number, waiting: number) => ({
    minute: new Date(Date.parse(now) - ago * 60_000).toISOString(),
    depth: { waiting, head_age: '1m30s' },
  });
  const seen = (ago: number, waiting: number, age: number | null = 0) => {
    const at = Date.parse(now) / 1_000 - ago;
    const counts = { waiting, leased: 0, scheduled: 0, headAge: null };
    return { ...counts, at, countedAt: age === null ? null : at - age, p50: null, p95: null };
  };

  test('goes on from what servers noted to what the page saw', () => {
    const minutes = [
      minute(90, 1),
      minute(3, 2),
      { minute: minute(2, 0).minute },
      minute(1, 4),
      minute(0, 9),
    ];
    const history = depthHistory({ now, minutes }, 60, [seen(30, 5), seen(0, 6)]);
    expect(history.map(({ waiting }) => waiting)).toEqual([2, 4, 5, 6]);
    expect(ageLine(history).series[0]?.values).toEqual([90, 90, 0, 0]);
  });

  test('has counts at the time when they were made, and none that is too old to be one of the present', () => {
    const history = depthHistory({ now, minutes: [minute(2, 1)] }, 60, [
      seen(60, 90, null),
      seen(30, 2, 10),
      seen(25, 2, 15),
      seen(20, 3),
    ]);
    const ages = history.map(({ at }) => Date.parse(now) / 1_000 - at);
    expect(history.map(({ waiting }, n) => [ages[n], waiting])).toEqual([
      [120, 1],
      [40, 2],
      [20, 3],
    ]);
  });

  test('has a gap where nothing was noted for long', () => {
    const history = depthHistory({ now, minutes: [minute(30, 1), minute(29, 2), minute(1, 3)] }, 60, []);
    expect(depthLines(history).series[0]?.values).toEqual([1, 2, null, 3]);
  });

  test('is what the page saw where no rates are kept', () => {
    expect(depthLines(depthHistory({ now }, 60, [seen(5, 7)])).series[0]?.values).toEqual([null, 7]);
  });
});
