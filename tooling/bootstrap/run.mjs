/**
 * Entry of `npm start` and `npm test`. Prepares a fresh clone on a machine with
 * only Node and npm, then starts the pinned Node.
 *
 * All code in this folder runs on the Node of the machine (20 or later), before
 * the installation: plain JavaScript, no dependencies.
 */
import process from 'node:process';
import { build } from './build.mjs';
import { becomeChild } from './child.mjs';
import { prepare } from './prepare.mjs';
import { parseStartArguments, startHelp } from './start-arguments.mjs';
import { StepFailed } from './step.mjs';

async function start(args) {
  // Before installation and build, so that --help and wrong options get an immediate answer.
  const options = parseStartArguments(args, process.env);
  if (options.help) {
    process.stdout.write(startHelp);
    return;
  }
  // The embedded PostgreSQL is a dependency that the others do without.
  const env = await prepare(options.postgres ? 'all' : 'server');
  await build(env);
  await becomeChild('tooling/start/src/main.ts', [JSON.stringify(options)], env, { forwardInterrupt: true });
}

async function test(args) {
  const env = await prepare('all');
  await becomeChild('tooling/vitest/run-tests.ts', args, env, {
    forwardInterrupt: process.stdin.isTTY !== true,
  });
}

// A reader that closes the pipe early, as `head` does, is no failure.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const commands = { start, test, install: () => prepare('all') };
const [name = '', ...args] = process.argv.slice(2);
try {
  const command = commands[name];
  if (command === undefined) throw new StepFailed(`Usage: node run.mjs ${Object.keys(commands).join('|')}`);
  await command(args);
} catch (error) {
  if (!(error instanceof StepFailed)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
