import { setTimeout as delay } from 'node:timers/promises';
import { databaseOf } from '../world/sides.ts';
import type { Site } from '../world/site.ts';
import type { Scenario } from './scenario.ts';

const BACKLOG = 1_000_000;
const PRODUCED_AT_ONCE = 1_000;
const CONSUMERS = 900;
/** So long the server is watched for its least use: garbage goes when it will, and what is held stays. */
const WATCHES = 15;
const WATCH_MS = 200;
/** A constant server moves by no more than this between two looks, in bytes per item of the backlog. */
const NOISE_BYTES_PER_ITEM = 8;

const HEAP = 'nodejs_heap_size_used_bytes';
const RESIDENT = 'process_resident_memory_bytes';

interface Use {
  readonly heap: number;
  readonly resident: number;
}

/** What a waiting item costs the server: nothing, on PostgreSQL. */
export const memoryPerItem: Scenario = {
  name: 'memory-item',
  title: 'server memory per waiting item, a backlog of 1,000,000 produced over HTTP',
  atMost: NOISE_BYTES_PER_ITEM,
  async run(world, { payloadBytes }) {
    const site = await world.site();
    const load = await world.load();
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
    // The code that is needed is compiled, and buffers have their size, before the first look.
    await produce(100_000);
    const before = await leastUse(site);
    await produce(BACKLOG);
    const after = await leastUse(site);
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

/** What a waiting consumer costs the server, its connection included. */
export const memoryPerConsumer: Scenario = {
  name: 'memory-consumer',
  title: `server memory per waiting consumer, of ${CONSUMERS}`,
  async run(world, { payloadBytes }) {
    const site = await world.site();
    const load = await world.load();
    const queue = 'bench-consumers';
    await site.createQueue(queue);
    const { port } = site.server;
    const options = { port, queue, payloadBytes, batch: 10, clients: CONSUMERS, format: 'protobuf' } as const;
    // Once for nothing, as above.
    await load.call('wait', options);
    await delay(1_000);
    await load.call('leave', null);
    await delay(1_000);
    const before = await leastUse(site);
    await load.call('wait', options);
    const after = await leastUse(site);
    await load.call('leave', null);
    const perConsumer = (after.heap - before.heap) / CONSUMERS;
    return {
      ...{ ratio: perConsumer, least: perConsumer, greatest: perConsumer, unit: 'B' },
      ...{ baseline: before.heap, subject: after.heap },
      details: { residentBefore: before.resident, residentAfter: after.resident },
    };
  },
};

/** Memory is only given back when it is looked for: the metrics' own garbage makes the collector run. */
async function leastUse(site: Site): Promise<Use> {
  const uses: Use[] = [];
  for (let watch = 0; watch < WATCHES; watch++) {
    const metrics = await site.metrics();
    uses.push({ heap: metrics.get(HEAP) ?? Number.NaN, resident: metrics.get(RESIDENT) ?? Number.NaN });
    await delay(WATCH_MS);
  }
  return {
    heap: Math.min(...uses.map(({ heap }) => heap)),
    resident: Math.min(...uses.map(({ resident }) => resident)),
  };
}
