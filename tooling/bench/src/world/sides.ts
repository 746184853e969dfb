import type { WireFormat } from '@querator/protocol';
import type { ServerProcess } from '../processes/server-process.ts';
import type { Outcome, Work } from '../workload/work.ts';
import type { World } from './world.ts';

/** One thing that is measured: prepares, and then measures. */
export type Side = () => Promise<Outcome>;

/** What a side does, and on how much. */
export interface SideOptions extends Omit<Work, 'leased'> {
  readonly payloadBytes: number;
  readonly partitions?: number | undefined;
  /** Leased items at the head of the queue, before those that wait. */
  readonly leasedAtHead?: number | undefined;
  /** So many items are leased in a measurement, and the rest stays. */
  readonly leaseAtMost?: number | undefined;
  /** Whether the queue is filled before the first measurement only. */
  readonly fillOnce?: boolean | undefined;
}

/** How the load generator speaks. */
export interface HttpSideOptions extends SideOptions {
  readonly format?: WireFormat | undefined;
  readonly payloadField?: 'bytes' | 'utf8' | undefined;
  readonly server?: ServerProcess | undefined;
}

/** More items a second than anything measured here moves, by batch size. */
const MOST_PER_SECOND: Readonly<Record<'lease' | 'complete', (batch: number) => number>> = {
  lease: (batch) => Math.min(110_000, 15_000 * Math.sqrt(batch)),
  complete: (batch) => Math.min(220_000, 15_000 * Math.sqrt(batch)),
};

let queues = 0;

/** Through the server, over HTTP. */
export async function httpSide(world: World, options: HttpSideOptions): Promise<Side> {
  const { server = await world.server(), partitions = 1, payloadBytes, format = 'protobuf' } = options;
  const load = await world.load();
  const queue = `bench-http-${++queues}`;
  await world.createQueue(queue, partitions, server);
  let filled: Work | undefined;
  return async () => {
    const work = filled ?? (server.inMemory ? workOf(options) : await prepare(world, queue, options));
    if (options.fillOnce) filled = work;
    else if (!server.inMemory) await world.reload(queue, server);
    const { payloadField } = options;
    return load.call('run', {
      target: { port: server.port, queue, format, payloadBytes, payloadField },
      work,
    });
  };
}

/** The bare statements on one connection. */
export async function rawSide(world: World, options: SideOptions): Promise<Side> {
  const raw = await world.raw();
  const queue = `bench-raw-${++queues}`;
  await world.createQueue(queue);
  const { connectionString } = world;
  const { payloadBytes } = options;
  return async () => {
    const work = await prepare(world, queue, { ...options, partitions: 1 });
    const target = { table: world.table(queue), payloadBytes, firstId: 2 ** 50 };
    return raw.call('run', { connectionString, target, work });
  };
}

/** Through the service in process. */
export async function serviceSide(world: World, options: SideOptions): Promise<Side> {
  const service = await world.service();
  const queue = `bench-service-${++queues}`;
  await world.createQueue(queue, options.partitions);
  const { payloadBytes } = options;
  return async () => {
    const work = await prepare(world, queue, options);
    await service.call('reload', queue);
    return service.call('run', { target: { queue, payloadBytes }, work });
  };
}

/** A route that does nothing, under the same load. */
export async function emptyRouteSide(world: World, options: Omit<SideOptions, 'operation'>): Promise<Side> {
  const load = await world.load();
  const port = await world.emptyRoute();
  const { payloadBytes } = options;
  const target = { port, queue: 'bench-empty', format: 'protobuf', payloadBytes } as const;
  return () => load.call('run', { target, work: workOf({ ...options, operation: 'bare' }) });
}

async function prepare(world: World, queue: string, options: SideOptions): Promise<Work> {
  const { operation, batch, seconds, partitions = 1, payloadBytes, leasedAtHead } = options;
  const work = workOf(options);
  const amount = (what: 'lease' | 'complete') =>
    Math.ceil((MOST_PER_SECOND[what](batch) * seconds) / batch / partitions) * batch * partitions;
  if (operation === 'lease') {
    const waiting = options.waiting ?? amount('lease');
    await world.tables.fill(queue, partitions, { waiting, leased: leasedAtHead, payloadBytes });
    return { ...work, waiting: options.leaseAtMost ?? waiting };
  }
  if (operation === 'complete') {
    await world.tables.fill(queue, partitions, { leased: amount('complete'), payloadBytes });
    return { ...work, leased: await world.tables.leasedIds(queue, partitions) };
  }
  await world.tables.fill(queue, partitions, { leased: leasedAtHead, payloadBytes });
  return work;
}

/** What goes to the process that does it, without what is only for us. */
function workOf({ operation, batch, clients, seconds }: SideOptions): Work {
  return { operation, batch, clients, seconds };
}
