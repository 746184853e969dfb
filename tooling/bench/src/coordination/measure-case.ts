import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { type StorageBackend, SystemClock, SystemRandom } from '@querator/core';
import { createService, type Service } from '@querator/engine';
import { memoryBackend } from '@querator/storage-memory';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';

const QUEUE = 'q';
const CLIENTS = 8;
const BATCH = 10;
const PAYLOAD_BYTES = 100;
/** Before the measurement, so that code is compiled and tables exist. */
const WARM_UP_ITEMS = 4_000;

export interface CaseOptions {
  readonly partitions: number;
  /** 0: in memory. */
  readonly databases: number;
  readonly items: number;
  /** How long the idle time is measured, in milliseconds. */
  readonly idleMs: number;
}

export interface MeasuredCase extends CaseOptions {
  /** CPU time of this process to produce, lease and complete an item, in microseconds. */
  readonly itemUs: number;
  /** CPU time in a second in which a consumer waits and nothing happens, in milliseconds. */
  readonly idle: number;
}

/**
 * Measures a queue with its partitions on so many databases.
 *
 * @param servers connection strings of databases of different servers, at least as many.
 */
export async function measureCase(options: CaseOptions, servers: readonly string[]): Promise<MeasuredCase> {
  const storages = storagesOn(servers.slice(0, options.databases));
  const service = createService({
    ...{ clock: new SystemClock(), random: new SystemRandom() },
    ...{ queueStore: storages[0]?.queueStore() as never, queueSignals: storages[0]?.signals },
    storages: storages.map((backend) => ({ backend, affinity: 1 })),
  });
  try {
    await service.queues.create({
      ...{ queueName: QUEUE, namespace: '', leaseTimeout: '10m', expireTimeout: '24h', deadQueue: '' },
      ...{ maxAttempts: 0, reference: '', requestedPartitions: options.partitions },
    });
    await run(service, WARM_UP_ITEMS);
    const before = process.cpuUsage();
    await run(service, options.items);
    const itemUs = cpuSince(before) / options.items;
    const idle = await idleOf(service, options.idleMs);
    await service.queues.delete(QUEUE, true);
    return { ...options, itemUs, idle };
  } finally {
    await service.shutdown();
    for (const storage of storages) await storage.close();
  }
}

/** The least of each figure: what comes on top is of other programs, or of code that was not compiled yet. */
export function leastOf(rounds: readonly MeasuredCase[]): MeasuredCase {
  const [first] = rounds;
  if (first === undefined) throw new Error('nothing was measured');
  const least = (figure: (one: MeasuredCase) => number) => Math.min(...rounds.map(figure));
  return { ...first, itemUs: least(({ itemUs }) => itemUs), idle: least(({ idle }) => idle) };
}

/** The figures as a table for the documentation. */
export function coordinationTable(cases: readonly MeasuredCase[]): string {
  const rows = cases.map(({ partitions, databases, itemUs, idle }) => {
    const place = databases === 0 ? 'memory' : `${databases} PostgreSQL`;
    return `| ${place} | ${partitions} | ${itemUs.toFixed(0)} µs | ${idle.toFixed(1)} ms |\n`;
  });
  return `| storages | partitions | CPU per item | CPU per idle second |\n| --- | --- | --- | --- |\n${rows.join('')}`;
}

function storagesOn(databases: readonly string[]): readonly StorageBackend[] {
  const random = new SystemRandom();
  if (databases.length === 0) return [memoryBackend({ name: 's0', clock: new SystemClock(), random })];
  const registry = new PoolRegistry();
  return databases.map((connectionString, n) =>
    postgresBackend({ name: `s${n}`, connectionString, maxConns: 8, registry, random }),
  );
}

/** Clients that produce, lease and complete, in batches, until all items are done. */
async function run(service: Service, items: number): Promise<void> {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  let [produced, done] = [0, 0];
  const client = async (n: number) => {
    while (done < items) {
      if (produced < items) {
        produced += BATCH;
        const batch = Array.from({ length: BATCH }, () => ({
          encoding: '',
          kind: '',
          reference: '',
          payload,
        }));
        await service.queue.produce({ queueName: QUEUE, requestTimeout: '1m', items: batch });
      }
      const call = { queueName: QUEUE, batchSize: BATCH, clientId: `client-${n}`, requestTimeout: '200ms' };
      const leased = await service.queue.lease(call).catch(() => undefined);
      if (leased === undefined) continue;
      const ids = leased.items.map(({ id }) => id);
      const { partition } = leased;
      await service.queue.complete({ queueName: QUEUE, partition, ids, requestTimeout: '1m' });
      done += ids.length;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, n) => client(n)));
}

/** Milliseconds of CPU time a second while a consumer waits. */
async function idleOf(service: Service, ms: number): Promise<number> {
  const requestTimeout = `${Math.ceil(ms / 1_000) + 2}s`;
  const waiting = service.queue
    .lease({ queueName: QUEUE, batchSize: 1, clientId: 'waits', requestTimeout })
    .catch(() => undefined);
  await delay(1_000);
  const before = process.cpuUsage();
  await delay(ms);
  const used = cpuSince(before);
  await waiting;
  return used / ms;
}

/** Microseconds. */
function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
