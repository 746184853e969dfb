import { Load } from '@querator/tooling-load';
import type { ServerProcesses } from './server-processes.ts';

const USUAL = { retry: 0.1, later: 0.08, abandon: 0.04 };

/**
 * A load for servers that are killed, stopped or suspended. Its queues have what
 * faults affect: short leases, several partitions, dead letters. A second letter of one
 * move shows up only if the first one is completed at once.
 */
export function faultLoad(processes: ServerProcesses, seed: number, { severalDatabases = false } = {}): Load {
  return new Load(processes.loaded, {
    ...{ seed, scheduled: 0.2, delayMs: 300, produceTimeout: '5s', serversEnd: true, severalDatabases },
    queues: [
      {
        ...{ name: 'plain', produce: 4, lease: 8, setbacks: USUAL },
        settings: { lease_timeout: '1s', requested_partitions: 3 },
      },
      {
        ...{ name: 'mortal', produce: 4, lease: 8, setbacks: { ...USUAL, dead: 0.05 }, maxAttempts: 2 },
        settings: { lease_timeout: '1s', requested_partitions: 2, dead_queue: 'dead' },
      },
      { name: 'dead', produce: 0, lease: 8, settings: { lease_timeout: '1s' } },
    ],
  });
}
