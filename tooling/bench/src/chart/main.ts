/**
 * Draws the chart of docs/performance.md from what `pnpm bench --figures --json FILE` wrote.
 *
 *   node --conditions=@querator/source tooling/bench/src/chart/main.ts FIGURES.json CHART.svg
 */
import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';
import type { Figure } from '../figures/figure.ts';
import { operationName } from '../figures/points.ts';
import { drawBarChart } from './bar-chart.ts';

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error('expected FIGURES.json and CHART.svg');
const { figures } = JSON.parse(await readFile(from, 'utf8')) as { readonly figures: readonly Figure[] };

// The axis that everybody asks about; the others are in the table.
const chosen = figures.filter(
  ({ format, clients, partitions, payloadBytes }) =>
    format === 'protobuf' && clients === 8 && partitions === 1 && payloadBytes === 100,
);
const svg = drawBarChart({
  title: 'items/s: protobuf, 8 clients, 1 partition, 100 B (logarithmic)',
  series: ['raw, one connection', 'service in process', 'over HTTP'],
  groups: chosen.map((figure) => ({
    label: `${operationName(figure)}, batch ${figure.batch}`,
    values: [figure.raw?.median, figure.service.median, figure.http.median],
  })),
});
await writeFile(to, svg);
