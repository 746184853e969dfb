import { codecs, type Endpoint, queueEndpoints, queuesEndpoints } from '@querator/protocol';
import { itemsTableName } from '@querator/storage-postgres';
import { type Cluster, startTemporaryCluster } from '@querator/tooling-postgres';
import pg from 'pg';
import type { EmptyRouteCommands } from '../empty-route/main.ts';
import type { LoadCommands } from '../load/main.ts';
import { type Commands, HelperProcess } from '../processes/helper.ts';
import { type ServerProcess, startServerProcess } from '../processes/server-process.ts';
import type { RawCommands } from '../raw/main.ts';
import type { ServiceCommands } from '../service/main.ts';
import { QueueTables } from './queue-tables.ts';

/** What a bench runs with. */
export interface WorldOptions {
  /** A checkout whose built server is measured; absent: this one. */
  readonly checkout?: string | undefined;
  readonly maxConns: number;
}

/**
 * PostgreSQL's defaults, but for checkpoints: those are made before each
 * measurement, and none falls into one.
 */
const SETTINGS = { shared_buffers: '128MB', max_wal_size: '8GB', checkpoint_timeout: '1h' };

/** All processes of a bench. What a run does not need is not started. */
export class World {
  readonly cluster: Cluster;
  readonly admin: pg.Client;
  readonly tables: QueueTables;
  readonly #options: WorldOptions;
  readonly #started = new Map<string, Promise<{ stop(): Promise<void> }>>();

  private constructor(cluster: Cluster, admin: pg.Client, options: WorldOptions) {
    this.cluster = cluster;
    this.admin = admin;
    this.tables = new QueueTables(admin);
    this.#options = options;
  }

  static async start(options: WorldOptions): Promise<World> {
    const cluster = await startTemporaryCluster({ settings: SETTINGS });
    const admin = new pg.Client(cluster.connectionString());
    await admin.connect();
    return new World(cluster, admin, options);
  }

  get connectionString(): string {
    return this.cluster.connectionString();
  }

  /** The server that is measured. */
  server(): Promise<ServerProcess> {
    const { connectionString } = this;
    return this.#once('server', () => startServerProcess({ ...this.#options, connectionString }));
  }

  /** The same server without a database. */
  memoryServer(): Promise<ServerProcess> {
    return this.#once('memory server', () => startServerProcess(this.#options));
  }

  /** The load generator. */
  load(): Promise<HelperProcess<LoadCommands>> {
    return this.#helper<LoadCommands>('load generator', '../load/main.ts');
  }

  /** One bare connection to the database. */
  raw(): Promise<HelperProcess<RawCommands>> {
    return this.#helper<RawCommands>('raw connection', '../raw/main.ts');
  }

  /** The service in a process without HTTP. */
  service(): Promise<HelperProcess<ServiceCommands>> {
    return this.#once('service', async () => {
      const helper = await HelperProcess.start<ServiceCommands>(
        'service',
        new URL('../service/main.ts', import.meta.url),
      );
      const { maxConns } = this.#options;
      await helper.call('start', { connectionString: this.connectionString, maxConns });
      return helper;
    });
  }

  /** A server with one route that does nothing. @returns its port. */
  async emptyRoute(): Promise<number> {
    const helper = await this.#helper<EmptyRouteCommands>('empty route', '../empty-route/main.ts');
    return helper.call('port', null);
  }

  /** Creates a queue and has its tables made. */
  async createQueue(queueName: string, partitions = 1, server?: ServerProcess): Promise<void> {
    const { url } = server ?? (await this.server());
    const settings = { queueName, leaseTimeout: '1h', expireTimeout: '24h', requestedPartitions: partitions };
    await call(url, queuesEndpoints.create, codecs.QueueInfo.create(settings));
    await this.reload(queueName, server);
  }

  /** Has the server look at what its tables hold. */
  async reload(queueName: string, server?: ServerProcess): Promise<void> {
    const { url } = server ?? (await this.server());
    await call(url, queueEndpoints.reload, { queueName });
  }

  table(queue: string, partition = 0): string {
    return itemsTableName({ queue, partition });
  }

  /** Ends everything, what was started last first. */
  async stop(): Promise<void> {
    for (const started of [...this.#started.values()].reverse()) await (await started).stop();
    await this.admin.end();
    await this.cluster.stop();
  }

  #helper<C extends Commands<C>>(name: string, module: string): Promise<HelperProcess<C>> {
    return this.#once(name, () => HelperProcess.start<C>(name, new URL(module, import.meta.url)));
  }

  #once<T extends { stop(): Promise<void> }>(name: string, start: () => Promise<T>): Promise<T> {
    const started = (this.#started.get(name) as Promise<T> | undefined) ?? start();
    this.#started.set(name, started);
    return started;
  }
}

async function call<Request, Response>(
  url: string,
  endpoint: Endpoint<Request, Response>,
  message: Request,
): Promise<void> {
  const reply = await fetch(url + endpoint.path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: endpoint.request.toJson(message) as Uint8Array<ArrayBuffer>,
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${endpoint.path}: ${text}`);
}
