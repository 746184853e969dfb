import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';

const PATIENCE_MS = 30_000;

/** A program of Node that runs. */
export class RunningProgram {
  readonly child: ChildProcess;
  output = '';

  constructor(args: readonly string[], cwd: string) {
    this.child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk) => {
        this.output += chunk;
      });
    }
  }

  /** Whether it writes these words before it ends, and in time. */
  wrote(words: string): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (found: boolean) => {
        clearTimeout(timer);
        resolve(found);
      };
      const timer = setTimeout(() => resolve(false), PATIENCE_MS);
      const look = () => {
        if (this.output.includes(words)) end(true);
      };
      this.child.once('exit', () => end(this.output.includes(words)));
      for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', look);
      look();
    });
  }

  /** Ends it, and waits for that. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}
