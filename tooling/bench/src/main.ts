import { writeFile } from 'node:fs/promises';
import process from 'node:process';
import { HELP, type Options, parseOptions } from './options.ts';
import { formatRatios, isReached, type RatioRow } from './report/ratio-table.ts';
import { chooseScenarios } from './scenarios/all.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { World } from './world/world.ts';

const options = parseOptions(process.argv.slice(2));
const chosen = chooseScenarios(options.only);
if (options.help) say(HELP);
else if (options.list) say(chosen.map(({ name, title }) => `${name}: ${title}`).join('\n'));
else await measure(chosen, options);

async function measure(rows: readonly Scenario[], options: Options): Promise<void> {
  const world = await World.start(options);
  const results: RatioRow[] = [];
  try {
    for (const { run, ...scenario } of rows) {
      try {
        const row: RatioRow = { ...scenario, ...(await run(world, options)) };
        process.stderr.write(
          `${row.name} ${row.ratio.toFixed(2)}${isReached(row) ? '' : ' (not reached)'}\n`,
        );
        results.push(row);
      } catch (error) {
        // One row that breaks does not take the others' figures with it.
        process.exitCode = 1;
        process.stderr.write(`${scenario.name} broke: ${(error as Error).stack}\n`);
      }
    }
  } finally {
    await world.stop();
  }
  say(formatRatios(results));
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(results, null, 2)}\n`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
