import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@querator/tooling-processes';
import type { History } from '../history/history.ts';
import { type Fault, killInstance, pauseInstance } from './faults.ts';
import { Instance } from './instance.ts';
import { LEASE_TIMEOUT_MS, MAX_ATTEMPTS, type ServersRunOptions, serversRun } from './servers-run.ts';
import { createQueue, SECOND_STORAGE, type Stage } from './stage.ts';

/** The faults of one server on a file: nothing is between them that could fail. */
const KINDS = [killInstance, pauseInstance];

/**
 * Runs one server in its own process on files of SQLite; see `serversRun`. Every second pair of seeds has
 * a dead-letter queue, and the other pairs move partitions to a second file and back.
 *
 * @param kinds of faults.
 * @returns the history, also of a run that broke off.
 */
export async function sqliteRun(
  options: Pick<ServersRunOptions, 'seed' | 'origin' | 'calmMs' | 'faults' | 'drainMs'>,
  kinds: readonly Fault[] = KINDS,
): Promise<History> {
  const { seed } = options;
  const hasLetters = Math.floor(seed / 2) % 2 === 0;
  const partitions = seed % 2 === 1 ? 1 : 3;
  const maxAttempts = hasLetters ? MAX_ATTEMPTS : undefined;
  const stage = await setUpFiles({ partitions, maxAttempts, leaseTimeoutMs: LEASE_TIMEOUT_MS });
  return serversRun(stage, { ...options, kinds, partitions, maxAttempts, moves: !hasLetters });
}

async function setUpFiles(settings: Parameters<typeof createQueue>[1]): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'histories-'));
  const instance = new Instance(await freePort(), {
    ...{ storage: join(folder, 'queues.db'), outbox: undefined },
    further: { [SECOND_STORAGE]: join(folder, 'second.db') },
  });
  const tearDown = async () => {
    await instance.kill();
    await instance.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await instance.start();
    await createQueue(instance, settings);
  } catch (error) {
    await tearDown();
    throw error;
  }
  return {
    ...{ instances: [instance], links: [], outbox: undefined, tearDown },
    connectionString: () => join(folder, 'queues.db'),
  };
}
