import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { StartFailed } from './start-failed.ts';

/** The end of the server: its exit code, or the signal that ended it. */
export interface ServerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The running server. */
export interface ServerProcess {
  readonly ended: Promise<ServerEnd>;
  /** Sends the server the signal to finish its work and exit. */
  stop(): void;
  /** Kills the server. */
  kill(): void;
}

/**
 * With `setpriv` the kernel stops the server if this process is killed. Then the
 * server can have a separate process group, so a Ctrl-C reaches it only as our
 * one SIGTERM. Without `setpriv` it stays in our group, so that it at least ends
 * with the terminal.
 */
function deathSignal(): string[] {
  const words = ['--pdeathsig', 'TERM', '--'];
  const works = spawnSync('setpriv', [...words, 'true'], { stdio: 'ignore' }).status === 0;
  return works ? ['setpriv', ...words] : [];
}

/** Starts the built server. It shares our standard output and error. */
export function startServer(executable: string, args: readonly string[]): ServerProcess {
  if (!existsSync(executable)) throw new StartFailed(`The server is not built: ${executable} is missing.`);
  const prefix = deathSignal();
  const [file = process.execPath, ...rest] = [...prefix, process.execPath, executable, 'server', ...args];
  const env = { ...process.env };
  // npm start has read these and passes them as flags.
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
