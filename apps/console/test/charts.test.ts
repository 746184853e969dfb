import { expect, test } from 'vitest';
import { describeChart } from '../src/charts/chart-data.ts';

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
