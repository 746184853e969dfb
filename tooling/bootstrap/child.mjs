import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { bin, root } from './clone.mjs';

const PARENT_CHECK_MS = 500;

/**
 * Runs a script of the clone on the pinned Node in place of this process. The
 * child has our terminal and gets our signals. We exit after it, with its code.
 */
export function becomeChild(script, args, env, { forwardInterrupt }) {
  return new Promise((resolve, reject) => {
    const child = spawn(join(bin, 'node'), [join(root, script), ...args], {
      cwd: root,
      env,
      stdio: 'inherit',
    });
    // A Ctrl-C reaches every process of the terminal, including the child. If the child would
    // treat a second one as a request to kill, do not forward ours.
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

/** A killed npm forwards no signal, so treat its end as the signal. */
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
