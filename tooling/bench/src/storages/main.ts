import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type NewItem, type StorageBackend, SystemClock, SystemRandom } from '@querator/core';
import { createService, type Service } from '@querator/engine';
import { PoolRegistry, postgresBackend } from '@querator/storage-postgres';
import { sqliteBackend } from '@querator/storage-sqlite';
import { startTemporaryCluster } from '@querator/tooling-postgres';

/*
 * The rates of two durable storages on the same disk, through the engine and without HTTP: clients with one
 * request at a time produce for some seconds, then lease what they produced, then complete it.
 * Both storages sync each commit. Prints one row for each storage and batch.
 */
const SECONDS = Number(process.argv[2] ?? 2);
const CLIENTS = 16;
const BATCHES = [1, 100, 1_000];
/** Items that a measurement stops at: more would measure the size, and not the storage. */
const MOST_ITEMS = 200_000;
const QUEUE = 'bench';

type Operation = 'produce' | 'lease' | 'complete';
interface Held {
  readonly partition: number;
  readonly ids: readonly string[];
}

/** Items per second of each operation. */
async function measure(service: Service, batch: number): Promise<Record<Operation, number>> {
  const payload = Buffer.alloc(100, 97);
  const items: readonly NewItem[] = Array.from({ length: batch }, () => ({
    ...{ encoding: '', kind: '', reference: '', payload },
  }));
  let produced = 0;
  const endsMs = performance.now() + SECONDS * 1_000;
  const produce = await timed(async () => {
    while (performance.now() < endsMs && produced < MOST_ITEMS) {
      await service.queue.produce({ queueName: QUEUE, requestTimeout: '1m', items });
      produced += batch;
    }
  });
  const held: Held[] = [];
  let unasked = produced;
  const lease = await timed(async (client) => {
    while (unasked >= batch) {
      unasked -= batch;
      const request = { queueName: QUEUE, batchSize: batch, clientId: `c${client}`, requestTimeout: '10s' };
      const leased = await service.queue.lease(request);
      unasked += batch - leased.items.length;
      held.push({ partition: leased.partition, ids: leased.items.map(({ id }) => id) });
    }
  });
  const complete = await timed(async () => {
    for (let next = held.pop(); next !== undefined; next = held.pop()) {
      await service.queue.complete({ queueName: QUEUE, requestTimeout: '1m', ...next });
    }
  });
  return { produce: produced / produce, lease: produced / lease, complete: produced / complete };
}

/** Runs all clients. @returns the seconds that it took. */
async function timed(run: (client: number) => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => run(client)));
  return (performance.now() - startMs) / 1_000;
}

async function report(backend: StorageBackend): Promise<void> {
  const deps = { clock: new SystemClock(), random: new SystemRandom() };
  const storages = [{ backend, affinity: 1 }];
  const service = createService({ ...deps, queueStore: backend.queueStore(), storages });
  const settings = { leaseTimeout: '10m', expireTimeout: '1h', deadQueue: '', maxAttempts: 0, reference: '' };
  await service.queues.create({ queueName: QUEUE, namespace: '', requestedPartitions: 1, ...settings });
  // The first round is for warming up.
  for (const batch of [1, ...BATCHES]) {
    const rates = await measure(service, batch);
    const cells = Object.entries(rates).map(
      ([name, rate]) => `${name} ${Math.round(rate).toLocaleString('en')}`,
    );
    process.stdout.write(
      `${backend.name}, batch ${batch}, ${CLIENTS} clients: ${cells.join(', ')} items/s\n`,
    );
  }
  await service.shutdown();
  await backend.close();
}

const random = new SystemRandom();
const folder = mkdtempSync(join(tmpdir(), 'querator-bench-'));
await report(sqliteBackend({ name: 'sqlite', path: folder, clock: new SystemClock(), random }));
rmSync(folder, { recursive: true });
const cluster = await startTemporaryCluster();
const connectionString = cluster.connectionString();
await report(postgresBackend({ name: 'postgres', connectionString, random, registry: new PoolRegistry() }));
await cluster.stop();
