import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { readable, render } from './render.ts';
import { simulate } from './simulate.ts';

const SHOWN = 12;

/**
 * Simulates a seed.
 *
 * @throws Error with the violations, and how to reproduce them.
 */
export async function expectNoViolation(seed: number): Promise<void> {
  const { scenario, history, violations } = await simulate(seed);
  if (violations.length === 0) return;
  const file = `test-results/simulation-${seed}.txt`;
  mkdirSync('test-results', { recursive: true });
  writeFileSync(file, `${inspect(scenario, { depth: 4 })}\n${render(history)}\n`);
  throw new Error(
    [
      `seed ${seed} broke ${violations.length} rule(s)`,
      ...readable(violations, history).slice(0, SHOWN),
      `All events are in ${resolve(file)}. To repeat the run:`,
      `QUERATOR_SIMULATION_SEED=${seed} npm run test:simulation`,
    ].join('\n'),
  );
}
