import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';

/** The result of a run of Vitest. */
export interface VitestRun {
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  /** Its output. */
  readonly output: string;
}

/**
 * Runs Vitest in a package's folder without printing its output.
 *
 * @param args for Vitest: file names and flags.
 * @param env added to the environment of this process.
 */
export async function runVitest(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<VitestRun> {
  const started = performance.now();
  // Not the JSON reporter: it would overwrite the report of the package's own runs.
  const child = spawn('vitest', ['run', '--reporter=dot', ...args], {
    cwd: folder,
    env: { ...process.env, ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  const text = Buffer.concat(output).toString();
  const { passed, failed } = countsIn(text);
  const seconds = Math.round((performance.now() - started) / 1_000);
  // An error outside of tests fails the run but no test. A run without tests proves nothing.
  const failedOtherwise = failed === 0 && (code !== 0 || passed === 0);
  return { passed, failed: failedOtherwise ? 1 : failed, seconds, output: text };
}

/** Reads the line `Tests  1 failed | 18 passed (19)`. */
function countsIn(output: string): { readonly passed: number; readonly failed: number } {
  const line = /^\s*Tests\s.*$/m.exec(output)?.[0] ?? '';
  const number = (what: string) => Number(new RegExp(`(\\d+) ${what}`).exec(line)?.[1] ?? 0);
  return { passed: number('passed'), failed: number('failed') };
}
