import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { bin, root } from './clone.mjs';

const PARENT_CHECK_MS = 500;

/**
 * Runs a script of the clone on the pinned Node, in our place: it has our
 * terminal, gets our signals, and we end when it has ended, with its code.
 */
export function becomeChild(script, args, env, { forwardInterrupt }) {
  return new Promise((resolve, reject) => {
    const child = spawn(join(bin, 'node'), [join(root, script), ...args], {
      cwd: root,
      env,
      stdio: 'inherit',
    });
    // A Ctrl-C goes to every process of the terminal, the child too. Where the child would
    // take a second one for impatience, ours stays here.
    process.on('SIGINT', (name) => forwardInterrupt && child.kill(name));
    for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, () => child.kill(name));
    stopWithParent(child);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
      resolve();
    });
  });
}

/** npm that is killed outright passes nothing on: its end is the signal then. */
function stopWithParent(child) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    child.kill('SIGTERM');
  }, PARENT_CHECK_MS);
  child.once('exit', () => clearInterval(timer));
}
