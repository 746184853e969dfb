import process from 'node:process';
import { type Ended, mustRun, runProgram } from '@querator/tooling-processes';

// Which engine that is stands in the environment, put there by `pnpm test:containers`.
if (!process.env['CONTAINERS_CONF']) throw new Error('These tests are run by: pnpm test:containers');

/**
 * Runs podman on the engine of this run, and returns what it says.
 *
 * @throws Error with all it printed, when it fails.
 */
export async function podman(...args: readonly string[]): Promise<string> {
  return (await mustRun('podman', args)).trim();
}

/** Runs podman to its end, whatever its exit code is. */
export function tryPodman(...args: readonly string[]): Promise<Ended> {
  return runProgram('podman', args);
}

/** A container's exit code, once it has ended. */
export async function exitCode(container: string): Promise<number> {
  return Number(await podman('wait', container));
}

/**
 * Sends the signal that ends a container in good order, as `docker stop` does.
 *
 * @returns the exit code of its process; 137 when it had to be killed after so many seconds.
 */
export async function stop(container: string, graceSeconds = 20): Promise<number> {
  await podman('stop', `--time=${graceSeconds}`, container);
  return exitCode(container);
}

/** What a container has written so far, standard error included. */
export async function logs(container: string): Promise<string> {
  return (await tryPodman('logs', container)).output;
}
