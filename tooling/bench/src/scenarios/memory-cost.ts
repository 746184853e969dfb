import { setTimeout as delay } from 'node:timers/promises';
import { databaseOf } from '../testbed/sides.ts';
import type { Site } from '../testbed/site.ts';
import type { Scenario } from './scenario.ts';

const BACKLOG = 1_000_000;
const WARMING_UP = 500_000;
const PRODUCED_AT_ONCE = 1_000;
const CONSUMERS = 900;
/**
 * The heap of a server that keeps nothing per item changes by at most these bytes
 * per item: caches and compiled code.
 */
const NOISE_BYTES_PER_ITEM = 1;

const TIME_LIMIT_MS = 30_000;
const LOOK_MS = 200;
const RESIDENT = 'process_resident_memory_bytes';

interface Use {
  /** Live bytes after a full collection. */
  readonly heap: number;
  readonly resident: number;
}

/** The memory of a waiting item in the server: none on PostgreSQL. */
export const memoryPerItem: Scenario = {
  name: 'memory-item',
  title: 'server memory per waiting item, a backlog of 1,000,000 produced over HTTP',
  atMost: NOISE_BYTES_PER_ITEM,
  async run(bed, { payloadBytes }) {
    const site = await bed.inspectedSite();
    const load = await bed.load();
    const queue = 'bench-memory';
    await site.createQueue(queue);
    const target = { port: site.server.port, queue, format: 'protobuf', payloadBytes } as const;
    const produce = async (items: number) => {
      const work = {
        operation: 'produce',
        batch: PRODUCED_AT_ONCE,
        clients: 8,
        seconds: 600,
        items,
      } as const;
      await load.call('run', { target, work });
    };
    // Warm-up: the code is compiled during the first hundreds of requests, and buffers reach their size.
    await produce(WARMING_UP);
    const before = await useOf(site);
    await produce(BACKLOG);
    const after = await useOf(site);
    const { rows } = await databaseOf(site).admin.query<{ size: string }>(
      'SELECT pg_database_size(current_database()) AS size',
    );
    const perItem = (after.heap - before.heap) / BACKLOG;
    return {
      ...{ ratio: perItem, least: perItem, greatest: perItem, unit: 'B' },
      ...{ baseline: before.heap, subject: after.heap },
      details: {
        residentBefore: before.resident,
        residentAfter: after.resident,
        databaseBytes: Number(rows[0]?.size),
      },
    };
  },
};

/** The memory of a waiting consumer in the server, with its connection. */
export const memoryPerConsumer: Scenario = {
  name: 'memory-consumer',
  title: `server memory per waiting consumer, of ${CONSUMERS}`,
  async run(bed, { payloadBytes }) {
    const site = await bed.inspectedSite();
    const load = await bed.load();
    const queue = 'bench-consumers';
    await site.createQueue(queue);
    const { port } = site.server;
    const options = { port, queue, payloadBytes, batch: 10, clients: CONSUMERS, format: 'protobuf' } as const;
    // Warm-up, as above.
    await load.call('wait', options);
    await untilWaiting(site, queue, CONSUMERS);
    await load.call('leave', null);
    await untilWaiting(site, queue, 0);
    const before = await useOf(site);
    await load.call('wait', options);
    await untilWaiting(site, queue, CONSUMERS);
    const after = await useOf(site);
    await load.call('leave', null);
    const perConsumer = (after.heap - before.heap) / CONSUMERS;
    return {
      ...{ ratio: perConsumer, least: perConsumer, greatest: perConsumer, unit: 'B' },
      ...{ baseline: before.heap, subject: after.heap },
      details: { residentBefore: before.resident, residentAfter: after.resident },
    };
  },
};

async function useOf(site: Site): Promise<Use> {
  const heap = await site.liveHeap();
  const metrics = await site.metrics();
  return { heap, resident: metrics.get(RESIDENT) ?? Number.NaN };
}

/** Waits until the server reports `count` waiting consumers. */
async function untilWaiting(site: Site, queue: string, consumers: number): Promise<void> {
  const series = `querator_requests_waiting{queue="${queue}",operation="lease"}`;
  const deadline = performance.now() + TIME_LIMIT_MS;
  for (;;) {
    const waiting = (await site.metrics()).get(series) ?? 0;
    if (waiting === consumers) return;
    if (performance.now() > deadline) throw new Error(`${waiting} consumers wait instead of ${consumers}`);
    await delay(LOOK_MS);
  }
}
