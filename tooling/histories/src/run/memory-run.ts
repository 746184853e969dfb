import { setTimeout as delay } from 'node:timers/promises';
import { SystemClock, silentLogger } from '@querator/core';
import { type Fault, FaultyStorage, SeededRandom } from '@querator/core/testing';
import { createService, type EngineObserver } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import type { History } from '../history/history.ts';
import { Recorder } from '../history/recorder.ts';
import { serviceCalls } from '../history/service-calls.ts';
import { drain } from './drain.ts';
import { ReleaseWatch } from './release-watch.ts';
import { spreadSeed } from './spread-seed.ts';
import { Workload } from './workload.ts';

const LEASE_TIMEOUT_MS = 120;
/** Counted in operations, so that the load of the machine does not matter. */
const CALM_OPERATIONS = 400;
const OPERATIONS_PER_FAULT = 60;
const TIME_LIMIT_MS = 5_000;
const FAULTS = 6;
const ASK_EVERY_MS = 20;
/** Longer than any lease waits while producers work, since a timeout excuses too much. */
const TIMES = { leaseMs: 4_000, otherMs: 2_000, marginMs: 0 };
const FAULT_KINDS: readonly Fault[] = ['not-applied', 'unknown-applied', 'unknown-lost'];
const OPERATIONS = ['produce', 'produceKeyed', 'complete', 'extend', 'retry', 'lease'] as const;

/**
 * Runs the engine on memory in this process, in about two seconds. Storage calls
 * fail at random, without effect or with an unknown one.
 *
 * @param drainMs the time limit for emptying the queue at the end.
 */
export async function memoryRun(seed: number, origin: string, drainMs: number): Promise<History> {
  // The clock's timers do not keep the process alive.
  const alive = setInterval(() => {}, 1_000);
  try {
    return await run(seed, origin, drainMs);
  } finally {
    clearInterval(alive);
  }
}

async function run(seed: number, origin: string, drainMs: number): Promise<History> {
  const random = new SeededRandom(spreadSeed(seed, 0));
  const clock = new SystemClock();
  const partitions = seed % 3 === 0 ? 2 : 1;
  const storage = new FaultyStorage(memoryBackend({ name: 'memory', clock, random }));
  let released = 0;
  const count: EngineObserver['items'] = (_queue, event, items) => {
    if (event === 'released') released += items;
  };
  const service = createService({
    ...{ clock, random, logger: silentLogger, queueStore: storage.queueStore() },
    observer: { items: count, batch: () => {} },
    storages: [{ backend: storage, affinity: 1 }],
  });
  await service.queues.create({
    ...{ queueName: 'q', namespace: '', reference: '', deadQueue: '', maxAttempts: 0 },
    ...{ leaseTimeout: `${LEASE_TIMEOUT_MS}ms`, expireTimeout: '24h', requestedPartitions: partitions },
  });
  const recorder = new Recorder();
  const connect = () => [serviceCalls(service, 'q', TIMES), serviceCalls(service, 'q', TIMES)];
  const workload = new Workload(recorder, connect, {
    ...{ seed, producers: 3, consumers: 3, batch: 8, leaseTimeoutMs: LEASE_TIMEOUT_MS },
    ...{ backlog: 60, thinkMs: 2, producerThinkMs: 2, clears: seed % 2 === 1 ? 0.03 : 0 },
  });
  // All clients use one service, which is never restarted.
  const counting = { process: 1, released: async () => released };
  const watch = new ReleaseWatch(recorder, [counting, counting], 'q');
  await watch.start(ASK_EVERY_MS);
  workload.start();
  await operationsMore(recorder, CALM_OPERATIONS);
  for (let n = 0; n < FAULTS; n++) {
    const operation = OPERATIONS[Math.floor(random.fraction() * OPERATIONS.length)] ?? 'produce';
    const kind = FAULT_KINDS[Math.floor(random.fraction() * FAULT_KINDS.length)] ?? 'not-applied';
    const partition = Math.floor(random.fraction() * partitions);
    await recorder.disturb(`${operation} of partition ${partition}: ${kind}`, async () => {
      storage.fail(operation, partition, kind);
      await delay(random.fraction() * 40);
      storage.heal(partition);
    });
    await operationsMore(recorder, OPERATIONS_PER_FAULT);
  }
  await workload.stop();
  const drained = await drain(recorder, connect(), drainMs);
  await watch.stop();
  await service.shutdown();
  return recorder.history({ origin, partitions, leaseTimeoutMs: LEASE_TIMEOUT_MS, drained });
}

/** Waits for `count` more operations, or until a time limit, since a bad variant may stop working. */
async function operationsMore(recorder: Recorder, count: number): Promise<void> {
  const wanted = recorder.operations.length + count;
  const until = recorder.now() + TIME_LIMIT_MS;
  while (recorder.operations.length < wanted && recorder.now() < until) await delay(5);
}
