import type { WireFormat } from '@querator/protocol';
import { itemsTableName } from '@querator/storage-postgres';
import type { BareServerCommands } from '../bare-server/main.ts';
import type { Outcome, Work } from '../workload/work.ts';
import type { QueueTables } from './queue-tables.ts';
import type { Database, Site } from './site.ts';
import type { TestBed } from './test-bed.ts';

/**
 * Prepares and runs one measurement.
 *
 * @param measured wraps the measurement without its preparation, for meters.
 */
export type Side = (measured?: Measured) => Promise<Outcome>;

/** Wraps a measurement. */
export type Measured = (measurement: () => Promise<Outcome>) => Promise<Outcome>;

/** The work of a side. */
export interface SideOptions extends Omit<Work, 'leased'> {
  readonly payloadBytes: number;
  readonly partitions?: number | undefined;
  /** Leased items at the head of the queue, before the waiting ones. */
  readonly leasedAtHead?: number | undefined;
  /** The items that a measurement leases; the rest stays. */
  readonly leaseAtMost?: number | undefined;
  /** Whether the queue is filled only before the first measurement. */
  readonly fillOnce?: boolean | undefined;
}

/** The wire format of the load, and its server. */
export interface HttpSideOptions extends SideOptions {
  readonly format?: WireFormat | undefined;
  /** In JSON: payloads as text (`utf8`) or as base64 (`bytes`). */
  readonly payloadField?: 'bytes' | 'utf8' | undefined;
  /** Whether each produce request has a dedup key. */
  readonly dedup?: boolean | undefined;
  /** The measured server by default. */
  readonly site?: Site | undefined;
}

/** The highest expected rate of batches of one item. Larger batches reach more, up to a limit. */
const MOST_SINGLE = 15_000;
const MOST_PER_SECOND = { lease: 150_000, complete: 300_000 } as const;
/** The first id number of the raw connection, above those of the sequence. */
const FIRST_RAW_ID = 2 ** 50;

let queues = 0;
const plainly: Measured = (measurement) => measurement();

/** The server over HTTP. */
export async function httpSide(bed: TestBed, options: HttpSideOptions): Promise<Side> {
  const { site = await bed.site(), payloadBytes, payloadField, format = 'protobuf' } = options;
  const load = await bed.load();
  const queue = `bench-http-${++queues}`;
  await site.createQueue(queue, options.partitions);
  const { apiKey } = site;
  const { dedup } = options;
  const target = { port: site.server.port, queue, format, payloadBytes, payloadField, apiKey, dedup };
  const ready = readyFor(site, { queue, options, look: () => site.reload(queue) });
  return async (measured = plainly) => {
    const work = await ready();
    return measured(() => load.call('run', { target, work }));
  };
}

/** The bare statements on one connection. */
export async function rawSide(bed: TestBed, options: SideOptions): Promise<Side> {
  const raw = await bed.raw();
  const site = await bed.site();
  const { connectionString } = databaseOf(site);
  const queue = `bench-raw-${++queues}`;
  await site.createQueue(queue);
  const table = itemsTableName({ queue, partition: 0 });
  const target = { table, payloadBytes: options.payloadBytes, firstId: FIRST_RAW_ID };
  const ready = readyFor(site, { queue, options: { ...options, partitions: 1 } });
  return async (measured = plainly) => {
    const work = await ready();
    return measured(() => raw.call('run', { connectionString, target, work }));
  };
}

/** The service in process. */
export async function serviceSide(bed: TestBed, options: SideOptions): Promise<Side> {
  const service = await bed.service();
  const site = await bed.site();
  const queue = `bench-service-${++queues}`;
  await site.createQueue(queue, options.partitions);
  const target = { queue, payloadBytes: options.payloadBytes };
  const ready = readyFor(site, { queue, options, look: () => service.call('reload', queue) });
  return async (measured = plainly) => {
    const work = await ready();
    return measured(() => service.call('run', { target, work }));
  };
}

/** A route that does nothing, under the same load. */
export async function emptyRouteSide(bed: TestBed, options: Omit<SideOptions, 'operation'>): Promise<Side> {
  const load = await bed.load();
  const port = await bed.emptyRoute();
  const { payloadBytes } = options;
  const target = { port, queue: 'bench-empty', format: 'protobuf', payloadBytes } as const;
  const work = workOf({ ...options, operation: 'bare' });
  return (measured = plainly) => measured(() => load.call('run', { target, work }));
}

/** A server that can only produce, under the same load. */
export async function bareServerSide(bed: TestBed, options: Omit<SideOptions, 'operation'>): Promise<Side> {
  const load = await bed.load();
  const site = await bed.site();
  const { connectionString } = databaseOf(site);
  const queue = `bench-bare-${++queues}`;
  await site.createQueue(queue);
  const server = await bed.child<BareServerCommands>('bare server', '../bare-server/main.ts');
  const table = itemsTableName({ queue, partition: 0 });
  const port = await server.call('start', { connectionString, table, firstId: FIRST_RAW_ID });
  const { payloadBytes } = options;
  const target = { port, queue, format: 'protobuf', payloadBytes } as const;
  const produce = { ...options, operation: 'produce' } as const;
  const ready = readyFor(site, { queue, options: produce });
  return async (measured = plainly) => {
    const work = await ready();
    return measured(() => load.call('run', { target, work }));
  };
}

/** The database of a site. @throws Error if it has none. */
export function databaseOf({ database }: Site): Database {
  if (database === undefined) throw new Error('this server has no database');
  return database;
}

/**
 * Prepares a queue for a measurement.
 *
 * @param look makes the process that serves the queue read its tables again.
 */
function readyFor(
  { database }: Site,
  {
    queue,
    options,
    look,
  }: { readonly queue: string; readonly options: SideOptions; readonly look?: () => Promise<void> },
): () => Promise<Work> {
  let ready: Work | undefined;
  return async () => {
    if (database === undefined) return workOf(options);
    if (ready !== undefined && options.fillOnce) return ready;
    ready = await prepare(database.tables, queue, options);
    await look?.();
    return ready;
  };
}

async function prepare(tables: QueueTables, queue: string, options: SideOptions): Promise<Work> {
  const { operation, partitions = 1, payloadBytes, leasedAtHead: leased } = options;
  const work = workOf(options);
  if (operation === 'lease') {
    const waiting = options.waiting ?? enough('lease', options);
    await tables.fill(queue, partitions, { waiting, leased, payloadBytes });
    return { ...work, waiting: options.leaseAtMost ?? waiting };
  }
  if (operation === 'complete') {
    await tables.fill(queue, partitions, { leased: enough('complete', options), payloadBytes });
    return { ...work, leased: await tables.leasedIds(queue, partitions) };
  }
  await tables.fill(queue, partitions, { leased, payloadBytes });
  return work;
}

/** More items than can be moved in the time, in whole batches per partition. */
function enough(what: 'lease' | 'complete', options: SideOptions): number {
  const { batch, seconds, partitions = 1, requestsPerSecond } = options;
  const perSecond =
    requestsPerSecond === undefined
      ? Math.min(MOST_PER_SECOND[what], MOST_SINGLE * Math.sqrt(batch))
      : requestsPerSecond * batch;
  return (Math.ceil((perSecond * seconds) / batch / partitions) + 1) * batch * partitions;
}

/** The part of the options that the measuring process needs. */
function workOf({ operation, batch, clients, seconds, requestsPerSecond }: SideOptions): Work {
  return { operation, batch, clients, seconds, requestsPerSecond };
}
