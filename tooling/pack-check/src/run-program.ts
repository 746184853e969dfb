import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A finished program: its exit code and what it printed. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  /** Both streams together, for people. */
  readonly output: string;
}

/** Runs a program to its end. */
export async function runProgram(file: string, args: readonly string[], cwd: string): Promise<Finished> {
  const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const [all, out]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => {
    all.push(chunk);
    out.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => all.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? 1, stdout: Buffer.concat(out).toString(), output: Buffer.concat(all).toString() };
}
