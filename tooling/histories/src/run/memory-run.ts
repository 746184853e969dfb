import { setTimeout as delay } from 'node:timers/promises';
import { SystemClock, silentLogger } from '@querator/core';
import { type Fault, FaultyStorage, SeededRandom } from '@querator/core/testing';
import { createService } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import type { History } from '../history/history.ts';
import { Recorder } from '../history/recorder.ts';
import { serviceCalls } from '../history/service-calls.ts';
import { drain } from './drain.ts';
import { Workload } from './workload.ts';

const LEASE_TIMEOUT_MS = 120;
const CALM_MS = 300;
const FAULTS = 6;
const DRAIN_MS = 5_000;
const TIMES = { leaseMs: 500, otherMs: 500, marginMs: 0 };
const FAULT_KINDS: readonly Fault[] = ['not-applied', 'unknown-applied', 'unknown-lost'];
const OPERATIONS = ['produce', 'complete', 'retry', 'lease'] as const;

/**
 * A run in this process, in less than two seconds: the engine on memory, whose
 * calls fail by chance, without effect, or with one nobody is told of.
 */
export async function memoryRun(seed: number, origin: string): Promise<History> {
  // The clock's timers keep no process alive, and for a while nothing else may be going on.
  const alive = setInterval(() => {}, 1_000);
  try {
    return await run(seed, origin);
  } finally {
    clearInterval(alive);
  }
}

async function run(seed: number, origin: string): Promise<History> {
  const random = new SeededRandom(seed);
  const clock = new SystemClock();
  const partitions = 1 + (seed % 2);
  const storage = new FaultyStorage(memoryBackend({ name: 'memory', clock, random }));
  const service = createService({
    ...{ clock, random, logger: silentLogger, queueStore: storage.queueStore() },
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
    ...{ backlog: 60, thinkMs: 2, clears: seed % 3 === 0 ? 0.01 : 0 },
  });
  workload.start();
  await delay(CALM_MS);
  for (let n = 0; n < FAULTS; n++) {
    const operation = OPERATIONS[Math.floor(random.fraction() * OPERATIONS.length)] ?? 'produce';
    const kind = FAULT_KINDS[Math.floor(random.fraction() * FAULT_KINDS.length)] ?? 'not-applied';
    const partition = Math.floor(random.fraction() * partitions);
    await recorder.disturb(`${operation} of partition ${partition}: ${kind}`, async () => {
      storage.fail(operation, partition, kind);
      await delay(random.fraction() * 40);
      storage.heal(partition);
    });
    await delay(random.fraction() * 100);
  }
  await workload.stop();
  const drained = await drain(recorder, connect(), DRAIN_MS);
  await service.shutdown();
  return recorder.history({ origin, partitions, leaseTimeoutMs: LEASE_TIMEOUT_MS, drained });
}
