import { type Mutant, mutant } from './mutant.ts';

/** What shows only where a process sleeps. */
export const ENGINE_SLEEP_MUTANTS: readonly Mutant[] = [
  mutant(
    'leases that ended while the process slept are handed out',
    'loops/lease-loop.ts',
    'const leftOver = isStillGood ? this.#requests',
    'const leftOver = isStillGood || true ? this.#requests',
  ),
  mutant(
    'a queue is taken up after the end by who had to wait',
    'manager/queue-manager.ts',
    '// Whoever was let in before the shutdown may have waited for a look since.\n    this.checkRunning();',
    '',
  ),
];
