import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { Load, type LoadedServer } from '@querator/tooling-load';
import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';
import { readReply } from '../support/test-server.ts';
import { haltingDriver, type MoveCall, type MoveHook } from './support/halting-driver.ts';

const SEED = Number(process.env['QUERATOR_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const QUEUE = 'moving';
const STORAGES = ['near', 'far'] as const;
/** Longer than a server needs to notice that a database is back, and to go on with the task. */
const MOVE_LIMIT_MS = 120_000;

/** The states of a move, by the call that leaves each. The record is changed at the beginning too, so its switch is the one after the closing. */
const STEPS: readonly (readonly [state: string, ends: (call: MoveCall, isClosed: boolean) => boolean])[] = [
  ['noted', ({ name }) => name === 'begin'],
  ['prepared', ({ name }) => name === 'empty'],
  ['copying', ({ name }) => name === 'readItems'],
  ['following', ({ name }) => name === 'readChanges'],
  ['about to close', ({ name }) => name === 'close'],
  ['closed', ({ name }, isClosed) => isClosed && name === 'write'],
  ['about to switch', ({ name }, isClosed) => isClosed && name === 'place'],
  ['switched', ({ name }) => name === 'open'],
  ['open', ({ name }) => name === 'leave'],
  ['left', ({ name }) => name === 'end'],
];

describe('a partition moves, and a database crashes and starts again', { timeout: 900_000 }, () => {
  const clusters: Partial<Record<(typeof STORAGES)[number], Cluster>> = {};
  const hook: MoveHook = { before: async () => {} };
  let server: RunningServer;

  beforeAll(async () => {
    const [near, far] = await Promise.all(STORAGES.map(() => startTemporaryCluster({ volatile: true })));
    Object.assign(clusters, { near, far });
  }, 60_000);
  afterAll(() => Promise.all(STORAGES.map((name) => clusters[name]?.stop())));

  beforeEach(async () => {
    const on = (name: (typeof STORAGES)[number]) => ({
      driver: 'halting',
      config: { 'connection-string': clusters[name]?.connectionString(), 'max-conns': 5 },
    });
    const settings = {
      ...{ address: '127.0.0.1:0', 'queue-storage': on('near') },
      'partition-storage': STORAGES.map((name, n) => ({ name, affinity: 1 - n, ...on(name) })),
    };
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    const drivers = [haltingDriver(hook)];
    server = await startServer(parseConfig(JSON.stringify(settings), undefined, drivers), {
      ...deps,
      drivers,
    });
  });
  afterEach(() => server?.stop());

  const post: LoadedServer['post'] = async (call, body) => {
    const path = call.startsWith('v2/') ? call : `v1/${call}`;
    const headers = { 'Content-Type': 'application/json' };
    return readReply(
      await fetch(`${server.url}/${path}`, { method: 'POST', headers, body: JSON.stringify(body) }),
    );
  };

  /** Moves the partition. @param crashed crashes when the move is in a state. */
  async function move(to: string, crashed: Cluster, ends: (typeof STEPS)[number][1]): Promise<void> {
    let [isClosed, crashes] = [false, 0];
    hook.before = async (call) => {
      if (crashes === 0 && ends(call, isClosed)) {
        crashes++;
        await crashed.crash();
        await crashed.start();
      }
      if (call.name === 'close') isClosed = true;
    };
    const request = { kind: 'move_partition', queue_name: QUEUE, partition: 0, storage_name: to };
    // The database of the tasks may have just come back.
    const id = await vi.waitFor(
      async () => {
        const created = await post('v2/tasks.create', request);
        expect(created?.status, created?.message).toBe(200);
        return created?.json.id as string;
      },
      { timeout: MOVE_LIMIT_MS, interval: 100 },
    );
    const ended = async () => expect((await post('v2/tasks.get', { id }))?.json.state).toBe('done');
    await vi.waitFor(ended, { timeout: MOVE_LIMIT_MS, interval: 100 });
    expect(crashes).toBe(1);
  }

  test.each(STORAGES)(`the one called '%s', in each state of the move (seed ${SEED})`, async (name) => {
    const load = new Load([{ post }], {
      ...{ seed: SEED, scheduled: 0.2, delayMs: 300, produceTimeout: '5s', serversEnd: true },
      ...{ severalDatabases: true, pauseMs: 10 },
      queues: [
        {
          ...{ name: QUEUE, produce: 4, lease: 8, setbacks: { retry: 0.1, later: 0.08, abandon: 0.04 } },
          settings: { lease_timeout: '2s', requested_partitions: 1 },
        },
      ],
    });
    await load.createQueues();
    load.start(2);
    await load.more(20);
    let at: string = 'near';
    for (const [, ends] of STEPS) {
      const to = at === 'near' ? 'far' : 'near';
      await move(to, clusters[name] as Cluster, ends);
      at = to;
      await load.more(10);
    }
    await load.settle();
    expect(load.ledger.faults()).toEqual([]);
    expect((await post('queues.delete', { queue_name: QUEUE, force: true }))?.status).toBe(200);
  });
});
