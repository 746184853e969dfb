import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { StartFailed } from './start-failed.ts';

/** How the server ended: its exit code, or the signal that ended it. */
export interface ServerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The running server. */
export interface ServerProcess {
  readonly ended: Promise<ServerEnd>;
  /** Asks the server to finish what it does and end. */
  stop(): void;
  /** Ends the server at once. */
  kill(): void;
}

/**
 * `setpriv` makes the kernel stop the server when this process is killed
 * outright. With it the server can have a process group of its own, which keeps
 * a Ctrl-C to the one SIGTERM we send; without it, it stays in ours, so that it
 * at least ends with the terminal.
 */
function deathSignal(): string[] {
  const words = ['--pdeathsig', 'TERM', '--'];
  const works = spawnSync('setpriv', [...words, 'true'], { stdio: 'ignore' }).status === 0;
  return works ? ['setpriv', ...words] : [];
}

/** Starts the server's built executable with its output on ours. */
export function startServer(executable: string, args: readonly string[]): ServerProcess {
  if (!existsSync(executable)) throw new StartFailed(`The server is not built: ${executable} is missing.`);
  const prefix = deathSignal();
  const [file = process.execPath, ...rest] = [...prefix, process.execPath, executable, 'server', ...args];
  const env = { ...process.env };
  // Settled by npm start, and passed as flags.
  delete env['QUERATOR_CONFIG'];
  delete env['QUERATOR_ADDRESS'];
  const child: ChildProcess = spawn(file, rest, {
    env,
    detached: prefix.length > 0,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise<ServerEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return {
    ended,
    stop: () => void child.kill('SIGTERM'),
    kill: () => void child.kill('SIGKILL'),
  };
}
