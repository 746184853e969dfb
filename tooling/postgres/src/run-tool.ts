import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { postgresTools } from './debian-tools.ts';

/** Where one of PostgreSQL's client programs is. */
export function toolPath(name: string): string {
  return join(postgresTools().folder, name);
}

/**
 * Runs one of PostgreSQL's client programs to its end.
 *
 * @throws Error with what it printed, when it fails.
 */
export function runTool(name: string, args: readonly string[]): Promise<void> {
  return runProgram(toolPath(name), args);
}

/**
 * Runs a program to its end.
 *
 * @param account whose it is; absent: the caller's.
 * @throws Error with what it printed, when it fails.
 */
export async function runProgram(
  path: string,
  args: readonly string[],
  account: { readonly uid?: number; readonly gid?: number } = {},
): Promise<void> {
  const child = spawn(path, args, {
    ...account,
    // The caller's may be closed to the account.
    cwd: '/',
    // Whatever the account has in its own files stays out of this.
    env: { PATH: process.env['PATH'], LC_ALL: 'C', PGPASSFILE: '/dev/null' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${path} ended with ${code}: ${Buffer.concat(output)}`);
}
