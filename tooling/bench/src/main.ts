import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import process from 'node:process';
import { againstCheckout } from './compare/against.ts';
import { type Figure, measureFigure } from './figures/figure.ts';
import { pointsOf } from './figures/points.ts';
import { type Baseline, GUARD_RUN, GUARDED, guardRow, recordOf, type Verdict } from './guard/guard.ts';
import { HELP, type Options, parseOptions } from './options.ts';
import { formatFigures, nameOf } from './report/figure-table.ts';
import { formatVerdicts } from './report/guard-table.ts';
import { formatRatios, isReached, type RatioRow } from './report/ratio-table.ts';
import { chooseScenarios } from './scenarios/all.ts';
import type { RunOptions, Scenario } from './scenarios/scenario.ts';
import { TestBed } from './testbed/test-bed.ts';
import { median } from './workload/percentile.ts';

const BASELINE = new URL('../baseline.json', import.meta.url);
/** Measurements of a row for one record. */
const RECORDED_RUNS = 5;

// An orderly exit also ends the child processes; see `atExit` of tooling/processes.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(1));

await run(parseOptions(process.argv.slice(2)));

async function run(options: Options): Promise<void> {
  const { only } = options;
  switch (options.mode) {
    case 'help':
      return say(HELP);
    case 'list':
      return say(
        chooseScenarios(only)
          .map(({ name, title }) => `${name}: ${title}`)
          .join('\n'),
      );
    case 'ratios':
      return inWorld(options, (bed) => measureRatios(bed, chooseScenarios(only), options));
    case 'against': {
      const rows = againstCheckout(options.against).filter(
        ({ name }) => only.length === 0 || only.includes(name),
      );
      return inWorld(options, (bed) => measureRatios(bed, rows, options));
    }
    case 'figures':
      return inWorld({ ...options, countStatements: true }, (bed) => measureFigures(bed, options));
    case 'guard':
      return inWorld(options, guard);
    case 'record':
      return inWorld(options, record);
  }
}

async function inWorld<O extends Options>(
  options: O,
  measure: (bed: TestBed) => Promise<void>,
): Promise<void> {
  const bed = await TestBed.start(options);
  try {
    await measure(bed);
  } finally {
    await bed.stop();
  }
}

async function measureRatios(bed: TestBed, rows: readonly Scenario[], options: Options): Promise<void> {
  const ratios: RatioRow[] = [];
  for (const { run, ...scenario } of rows) {
    await attempt(bed, scenario.name, async () => {
      const row: RatioRow = { ...scenario, ...(await run(bed, options)) };
      progress(`${row.name} ${row.ratio.toFixed(2)}${isReached(row) ? '' : ' (not reached)'}`);
      ratios.push(row);
    });
  }
  say(formatRatios(ratios));
  await writeJson(options, { ratios });
}

async function measureFigures(bed: TestBed, options: Options): Promise<void> {
  const figures: Figure[] = [];
  for (const point of pointsOf(options.axes)) {
    await attempt(bed, nameOf(point), async () => {
      const figure = await measureFigure(bed, point, options);
      progress(`${nameOf(point)}: ${Math.round(figure.http.median)} items/s`);
      figures.push(figure);
    });
  }
  say(formatFigures(figures));
  await writeJson(options, { figures });
}

async function guard(bed: TestBed): Promise<void> {
  const baseline = JSON.parse(await readFile(BASELINE, 'utf8')) as Baseline;
  const verdicts: Verdict[] = [];
  for (const scenario of chooseScenarios(Object.keys(baseline))) {
    const recorded = baseline[scenario.name];
    if (recorded === undefined) throw new Error(`baseline.json has no row ${scenario.name}`);
    await attempt(bed, scenario.name, async () => {
      verdicts.push(await guardRow(bed, scenario, recorded));
    });
  }
  say(formatVerdicts(verdicts));
  const fallen = verdicts.filter(({ passed }) => !passed);
  if (fallen.length === 0) return;
  process.exitCode = 1;
  say(`fell clearly below what baseline.json records: ${fallen.map(({ name }) => name).join(', ')}`);
}

async function record(bed: TestBed): Promise<void> {
  const baseline: Record<string, Baseline[string]> = {};
  for (const { name, run } of chooseScenarios(GUARDED)) {
    const ratios: number[] = [];
    for (let turn = 0; turn < RECORDED_RUNS; turn++) {
      ratios.push((await run(bed, GUARD_RUN satisfies RunOptions)).ratio);
      await bed.clear();
    }
    progress(`${name} ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`);
    baseline[name] = recordOf(ratios, median(ratios));
  }
  await writeFile(BASELINE, `${JSON.stringify(baseline, null, 2)}\n`);
}

/** A row that fails must not lose the figures of the others. */
async function attempt(bed: TestBed, name: string, measure: () => Promise<void>): Promise<void> {
  try {
    await measure();
  } catch (error) {
    process.exitCode = 1;
    progress(`${name} broke: ${(error as Error).stack}`);
  }
  await bed.clear();
}

async function writeJson({ json, runs, seconds, payloadBytes }: Options, results: object): Promise<void> {
  if (json === undefined) return;
  const machine = {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    node: process.version,
  };
  const measuredAt = new Date().toISOString();
  const all = { measuredAt, machine, runs, seconds, payloadBytes, ...results };
  await writeFile(json, `${JSON.stringify(all, null, 2)}\n`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
