import { spawn } from 'node:child_process';
import process from 'node:process';

/** A step of the preparation failed. The user gets the message without a stack. */
export class StepFailed extends Error {}

/** Prints one line per step to standard error, separate from the output of the command. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs a program to its end and collects its output. Prints the output only if
 * the program fails, followed by `advice`.
 */
export function runStep(file, args, { env, cwd, advice }) {
  return new Promise((resolve, reject) => {
    const output = [];
    const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    // A Ctrl-C reaches the program from the terminal. A SIGTERM reaches only us.
    const stop = () => child.kill('SIGTERM');
    process.once('SIGTERM', stop);
    const done = (failure) => {
      process.off('SIGTERM', stop);
      if (failure === undefined) resolve();
      else reject(new StepFailed(`${Buffer.concat(output)}\n${advice} (${failure})`));
    };
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.once('error', (error) => done(error.message));
    child.once('close', (code, signal) => done(code === 0 ? undefined : (signal ?? `exit code ${code}`)));
  });
}
