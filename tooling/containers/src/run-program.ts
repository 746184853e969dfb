import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';

/** How a program ended. */
export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

/** How to run a program. */
export interface RunOptions {
  readonly cwd?: string;
  /** On top of this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end, whatever its exit code is. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env = {} }: RunOptions = {},
): Promise<Ended> {
  const child = spawn(program, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout.push(chunk);
    output.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(stdout).toString(), output: Buffer.concat(output).toString() };
}

/**
 * Runs a program that has to succeed, and returns its standard output.
 *
 * @throws Error with all it printed, when it does not.
 */
export async function mustRun(
  program: string,
  args: readonly string[],
  options?: RunOptions,
): Promise<string> {
  const { code, stdout, output } = await runProgram(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output}`);
  return stdout;
}
