import { onTestFinished } from 'vitest';
import { podman, tryPodman } from './podman.ts';

const PERIOD_MS = 500;

/**
 * Runs the health checks of all containers, for the rest of a test. Podman uses
 * systemd's timers for it, which a container or a sandbox does not have.
 */
export function runHealthChecks(): void {
  let ended = false;
  const round = async () => {
    // The status of a container with a check ends with its result.
    const list = await podman('ps', '--format={{.Names}} {{.Status}}');
    const checked = list
      .split('\n')
      .filter((line) => line.endsWith('healthy)') || line.endsWith('(starting)'));
    for (const line of checked) await tryPodman('healthcheck', 'run', line.split(' ')[0] ?? '');
  };
  const loop = async () => {
    while (!ended) {
      await round();
      await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
    }
  };
  const running = loop();
  onTestFinished(async () => {
    ended = true;
    await running;
  });
}
