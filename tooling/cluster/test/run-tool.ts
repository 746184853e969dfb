import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { postgresTools } from '../src/debian-tools.ts';

/** Where one of PostgreSQL's client programs is. */
export function toolPath(name: string): string {
  return join(postgresTools().folder, name);
}

/**
 * Runs one of PostgreSQL's client programs to its end.
 *
 * @throws Error with what it printed, when it fails.
 */
export async function runTool(name: string, args: readonly string[]): Promise<void> {
  const child = spawn(toolPath(name), args, {
    // Whatever the account has in its own files stays out of this.
    env: { PATH: process.env['PATH'], LC_ALL: 'C', PGPASSFILE: '/dev/null' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${Buffer.concat(output)}`);
}
