/**
 * Runs on memory in a process of its own, which the load hook may have made a
 * bad variant of: `memory-runs.ts FOLDER FIRST_SEED SEEDS`. Ends at the first history
 * that fails, and prints one line of JSON.
 */
import process from 'node:process';
import { judge } from '../judge.ts';
import { memoryRun } from '../run/memory-run.ts';

const [folder = '', first = '1', count = '1'] = process.argv.slice(2);
const name = process.env['HISTORIES_VARIANT'] ?? 'memory';
let runs = 0;
let rules: readonly string[] = [];
let text = '';
while (runs < Number(count) && rules.length === 0) {
  const seed = Number(first) + runs++;
  const judgement = judge(await memoryRun(seed, `${name}, seed ${seed}`), folder);
  rules = judgement.rules;
  text = judgement.text;
}
process.stdout.write(`${JSON.stringify({ runs, rules, text })}\n`);
