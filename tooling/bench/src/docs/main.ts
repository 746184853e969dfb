/**
 * Puts measured figures into docs/performance.md, between its marks, and draws
 * its chart.
 *
 *   pnpm bench --json /tmp/ratios.json
 *   pnpm bench --figures --json /tmp/figures.json
 *   node --conditions=@querator/source tooling/bench/src/docs/main.ts /tmp/ratios.json /tmp/figures.json
 */
import { readFile, writeFile } from 'node:fs/promises';
import process from 'node:process';
import type { Figure } from '../figures/figure.ts';
import { operationName } from '../figures/points.ts';
import type { RatioRow } from '../report/ratio-table.ts';
import { drawBarChart } from './bar-chart.ts';
import { figureMarkdown, putBetweenMarks, ratioMarkdown } from './markdown.ts';

interface Results {
  readonly measuredAt: string;
  readonly machine: { readonly cores: number; readonly processor: string; readonly node: string };
  readonly runs: number;
  readonly seconds: number;
  readonly ratios?: readonly RatioRow[];
  readonly figures?: readonly Figure[];
}

const DOCS = new URL('../../../../docs/', import.meta.url);
const PAGE = new URL('performance.md', DOCS);
const CHART = new URL('performance.svg', DOCS);

const [ratioFile, figureFile] = process.argv.slice(2);
if (ratioFile === undefined || figureFile === undefined) throw new Error('expected RATIOS.json FIGURES.json');
const ratios = await resultsOf(ratioFile);
const figures = await resultsOf(figureFile);
if (ratios.ratios === undefined || figures.figures === undefined) {
  throw new Error('the first file must come from the table of ratios, the second from --figures');
}
await writeFile(CHART, chartOf(figures.figures));
const page = await readFile(PAGE, 'utf8');
const text = [
  `${describe(ratios)}:`,
  ratioMarkdown(ratios.ratios),
  `${describe(figures)}:`,
  '![Items a second over HTTP beside their ceilings](performance.svg)',
  figureMarkdown(figures.figures),
].join('\n\n');
await writeFile(PAGE, putBetweenMarks(page, text));

async function resultsOf(file: string): Promise<Results> {
  return JSON.parse(await readFile(file, 'utf8')) as Results;
}

function describe({ measuredAt, machine, runs, seconds }: Results): string {
  const { cores, processor, node } = machine;
  return `Measured on ${measuredAt.slice(0, 10)}, ${cores} cores of ${processor}, Node ${node}, ${runs} runs of ${seconds} s`;
}

/** The axis of most interest; the table has the others. */
function chartOf(all: readonly Figure[]): string {
  const chosen = all.filter(
    ({ format, clients, partitions, payloadBytes }) =>
      format === 'protobuf' && clients === 8 && partitions === 1 && payloadBytes === 100,
  );
  return drawBarChart({
    title: 'items/s: protobuf, 8 clients, 1 partition, 100 B (logarithmic)',
    series: ['raw, one connection', 'service in process', 'over HTTP'],
    groups: chosen.map((figure) => ({
      label: `${operationName(figure)}, batch ${figure.batch}`,
      values: [figure.raw?.median, figure.service.median, figure.http.median],
    })),
  });
}
