import process from 'node:process';
import {
  codecs,
  codecsV2,
  type Endpoint,
  endpointsV2,
  queueEndpoints,
  queuesEndpoints,
  REPLY_HEADERS,
} from '@querator/protocol';
import { freePort, type ServerProcess } from '@querator/tooling-processes';
import pg from 'pg';
import { type BuiltServerOptions, startBuiltServer } from '../processes/built-server.ts';
import { liveHeapBytes } from '../processes/inspected-heap.ts';
import { QueueTables } from './queue-tables.ts';

/** Queues deleted at a time. */
const DELETED_AT_ONCE = 4;

export interface SiteOptions extends BuiltServerOptions {
  /** Whether `liveHeap` is wanted. */
  readonly inspected?: boolean | undefined;
}

interface Answer {
  readonly headers: Headers;
  readonly text: string;
}

/** A server with its own database. */
export class Site {
  readonly server: ServerProcess;
  /** Undefined: the server keeps its items in memory. */
  readonly database: Database | undefined;
  /** The key of an administrator. Undefined: the server has no access control. */
  readonly apiKey: string | undefined;
  readonly #inspector: number | undefined;
  readonly #queues = new Set<string>();

  private constructor(
    server: ServerProcess,
    database: Database | undefined,
    { inspector, apiKey }: { readonly inspector: number | undefined; readonly apiKey: string | undefined },
  ) {
    this.server = server;
    this.apiKey = apiKey;
    this.database = database;
    this.#inspector = inspector;
  }

  static async start({ inspected, ...options }: SiteOptions): Promise<Site> {
    const { connectionString } = options;
    const inspector = inspected ? await freePort() : undefined;
    const database = connectionString === undefined ? undefined : await Database.open(connectionString);
    return new Site(await startBuiltServer(options, inspector), database, {
      inspector,
      apiKey: options.adminKey,
    });
  }

  /** Bytes of live objects on the server's heap. @throws Error unless the site was started as `inspected`. */
  async liveHeap(): Promise<number> {
    if (this.#inspector === undefined) throw new Error('this server was not started to be inspected');
    return liveHeapBytes(this.#inspector);
  }

  /** Creates a queue with its tables. */
  async createQueue(queueName: string, partitions = 1): Promise<void> {
    const settings = { queueName, leaseTimeout: '1h', expireTimeout: '24h', requestedPartitions: partitions };
    await this.#call(queuesEndpoints.create, codecs.QueueInfo.create(settings));
    this.#queues.add(queueName);
    await this.reload(queueName);
  }

  /** Makes the server read its tables again. */
  async reload(queueName: string): Promise<void> {
    await this.#call(queueEndpoints.reload, { queueName });
  }

  /** Requests the stats of a queue. @returns the age of the counts in seconds. */
  async stats(queueName: string): Promise<{ readonly countAge: number }> {
    const { headers } = await this.#call(queueEndpoints.stats, { queueName });
    return { countAge: Number(headers.get(REPLY_HEADERS.countAge)) };
  }

  /** Extends leases of partition 0. @returns the number of leases that were not lost. */
  async extend(queueName: string, ids: readonly string[], leaseTimeout: string): Promise<number> {
    const request = codecsV2.QueueExtendRequest.create({ queueName, requestTimeout: '1m', leaseTimeout });
    const { text } = await this.#call(endpointsV2.queue.extend, { ...request, ids: [...ids] });
    const { items } = JSON.parse(text) as { items: readonly { code?: string }[] };
    return items.filter(({ code }) => code === undefined).length;
  }

  async deleteQueue(queueName: string): Promise<void> {
    await this.#call(queuesEndpoints.delete, { queueName, force: true });
    this.#queues.delete(queueName);
  }

  /** Deletes all queues that were created here, with their tables. */
  async deleteQueues(): Promise<void> {
    const left = this.#queues.values();
    const one = async () => {
      for (const queueName of left) await this.deleteQueue(queueName);
    };
    await Promise.all(Array.from({ length: DELETED_AT_ONCE }, one));
  }

  /** The server's metrics, by name. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${this.server.url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))];
      }),
    );
  }

  async stop(): Promise<void> {
    await this.server.stop();
    process.stderr.write(this.server.log);
    await this.database?.close();
  }

  async #call<Request, Reply>(endpoint: Endpoint<Request, Reply>, message: Request): Promise<Answer> {
    const reply = await fetch(this.server.url + endpoint.path, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(this.apiKey === undefined ? {} : { Authorization: `Bearer ${this.apiKey}` }),
      },
      body: endpoint.request.toJson(message) as Uint8Array<ArrayBuffer>,
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${endpoint.path}: ${text}`);
    return { headers: reply.headers, text };
  }
}

/** A connection of the bench to the database of a site. */
export class Database {
  readonly connectionString: string;
  readonly admin: pg.Client;
  readonly tables: QueueTables;

  private constructor(connectionString: string, admin: pg.Client) {
    this.connectionString = connectionString;
    this.admin = admin;
    this.tables = new QueueTables(admin);
  }

  static async open(connectionString: string): Promise<Database> {
    const admin = new pg.Client({ connectionString, application_name: 'querator-bench-admin' });
    await admin.connect();
    return new Database(connectionString, admin);
  }

  close(): Promise<void> {
    return this.admin.end();
  }
}
