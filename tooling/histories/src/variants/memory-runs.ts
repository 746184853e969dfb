/**
 * Runs on memory in a child process, possibly as a bad variant by the load hook:
 * `memory-runs.ts FOLDER FIRST_SEED SEEDS STEP [FAULT]`. Ends at the first history that fails,
 * and prints one line of JSON.
 */
import process from 'node:process';
import { judge } from '../judge.ts';
import { memoryFault } from '../run/memory-faults.ts';
import { memoryRun } from '../run/memory-run.ts';

const [folder = '', first = '1', count = '1', step = '1', fault] = process.argv.slice(2);
const often = fault === undefined ? undefined : memoryFault(fault);
const variant = process.env['HISTORIES_VARIANT'];
const name = variant ?? 'memory';
/**
 * The unchanged engine gets enough time for a busy machine; a variant that cannot
 * drain should fail sooner.
 */
const drainMs = variant === undefined ? 30_000 : 10_000;
let runs = 0;
let rules: readonly string[] = [];
let text = '';
while (runs < Number(count) && rules.length === 0) {
  const seed = Number(first) + runs++ * Number(step);
  const judgement = judge(await memoryRun(seed, `${name}, seed ${seed}`, drainMs, often), folder);
  rules = judgement.rules;
  text = judgement.text;
}
process.stdout.write(`${JSON.stringify({ runs, rules, text })}\n`);
