import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '@querator/core/testing';
import { Load, type LoadedServer } from '@querator/tooling-load';
import { ServerProcess } from '@querator/tooling-processes';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** How often the server is killed and started again. `QUERATOR_KILLS` sets another number. */
const ROUNDS = Number(process.env['QUERATOR_KILLS'] ?? 3);
const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const USUAL = { retry: 0.1, later: 0.08, abandon: 0.04 };

describe('a server on a file that is killed under load', { timeout: 120_000 + ROUNDS * 30_000 }, () => {
  let folder: string;
  let server: ServerProcess;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'querator-sqlite-'));
    server = await ServerProcess.start({ storage: join(folder, 'queues.db') });
  }, 60_000);
  afterEach(async () => {
    await server.kill();
    await server.stop();
    await rm(folder, { recursive: true });
  });

  test(`loses nothing that was acknowledged, and nothing is completed twice (seed ${SEED})`, async () => {
    // Undefined: the server was killed before it answered.
    const loaded: LoadedServer = { post: (call, body) => server.post(call, body).catch(() => undefined) };
    const random = new SeededRandom(SEED);
    const load = new Load([loaded], {
      ...{ seed: SEED, scheduled: 0.2, delayMs: 300, produceTimeout: '5s', serversEnd: true },
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
    await load.createQueues();
    load.start(4);
    for (let round = 0; round < ROUNDS; round++) {
      await load.more(100);
      // A moment within a commit, a checkpoint or an answer.
      await delay(random.fraction() * 20);
      await server.kill();
      await server.start();
    }
    await load.more(50);
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
  });
});
