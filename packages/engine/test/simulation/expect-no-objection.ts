import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { readable, render } from './render.ts';
import { simulate } from './simulate.ts';

const SHOWN = 12;

/**
 * Lives through the world of a seed.
 *
 * @throws Error with what was wrong, and how to see it again.
 */
export async function expectNoObjection(seed: number): Promise<void> {
  const { setting, history, objections } = await simulate(seed);
  if (objections.length === 0) return;
  const file = `test-results/simulation-${seed}.txt`;
  mkdirSync('test-results', { recursive: true });
  writeFileSync(file, `${inspect(setting, { depth: 4 })}\n${render(history)}\n`);
  throw new Error(
    [
      `seed ${seed}: ${objections.length} things are not as they must be`,
      ...readable(objections, history).slice(0, SHOWN),
      `All that happened is in ${resolve(file)}. Once more:`,
      `QUERATOR_SIMULATION_SEED=${seed} npm run test:simulation`,
    ].join('\n'),
  );
}
