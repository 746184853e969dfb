import { expect, test } from 'vitest';
import { drawBarChart } from './bar-chart.ts';

const widths = (svg: string) =>
  [...svg.matchAll(/<rect x="190" y="\d+" width="([\d.]+)" height="11" fill="#(?!fff)/g)]
    .map(([, width]) => Number(width))
    .slice(1);

test('draws one bar per value, longer for more', () => {
  const svg = drawBarChart({
    title: 'items/s & <more>',
    series: ['raw', 'HTTP'],
    groups: [
      { label: 'produce', values: [2_000, 20_000] },
      { label: 'mix', values: [undefined, 200_000] },
    ],
  });
  const [first = 0, second = 0, third = 0, ...others] = widths(svg);
  expect(others).toEqual([]);
  expect(second).toBeGreaterThan(first);
  // The scale is logarithmic: equal factors are equal distances.
  expect(third - second).toBeCloseTo(second - first, 0);
  expect(svg).toContain('items/s &amp; &lt;more&gt;');
  expect(svg).toContain('>200,000</text>');
});
