import { join } from 'node:path';
import process from 'node:process';
import { mustRun } from '@querator/tooling-processes';
import { postgresTools } from './debian-tools.ts';

/** The path of one of PostgreSQL's client programs. */
export function toolPath(name: string): string {
  return join(postgresTools().folder, name);
}

/**
 * Runs one of PostgreSQL's client programs until it ends.
 *
 * @throws Error with its output when it fails.
 */
export async function runTool(name: string, args: readonly string[]): Promise<void> {
  await runWithoutSettings(toolPath(name), args);
}

/**
 * Runs a program of PostgreSQL without the settings of the caller's environment and files.
 *
 * @param account the caller's by default.
 * @throws Error with its output when it fails.
 */
export async function runWithoutSettings(
  path: string,
  args: readonly string[],
  account: { readonly uid?: number; readonly gid?: number } = {},
): Promise<void> {
  const env = { PATH: process.env['PATH'], LC_ALL: 'C', PGPASSFILE: '/dev/null' };
  // The account may have no access to the caller's folder.
  await mustRun(path, args, { ...account, cwd: '/', env });
}
