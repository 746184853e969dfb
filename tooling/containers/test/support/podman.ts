import process from 'node:process';
import { type Ended, mustRun, runProgram } from '@querator/tooling-processes';

// `npm run test:containers` sets the engine in the environment.
if (!process.env['CONTAINERS_CONF']) throw new Error('These tests are run by: pnpm test:containers');

/**
 * Runs podman on the engine of this run.
 *
 * @returns its output.
 * @throws Error with its output when it fails.
 */
export async function podman(...args: readonly string[]): Promise<string> {
  return (await mustRun('podman', args)).trim();
}

/** Runs podman until it ends, with any exit code. */
export function tryPodman(...args: readonly string[]): Promise<Ended> {
  return runProgram('podman', args);
}

/** A container's exit code, once it has ended. */
export async function exitCode(container: string): Promise<number> {
  return Number(await podman('wait', container));
}

/**
 * Stops a container with its stop signal, like `docker stop`.
 *
 * @returns the exit code of its process; 137 when it was killed after
 *   `graceSeconds`.
 */
export async function stop(container: string, graceSeconds = 20): Promise<number> {
  await podman('stop', `--time=${graceSeconds}`, container);
  return exitCode(container);
}

/** The output of a container so far, standard error included. */
export async function logs(container: string): Promise<string> {
  return (await tryPodman('logs', container)).output;
}
