import { createClient } from '@querator/client';
import { type Logger, SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { installSql } from '@querator/outbox';
import { enqueue } from '@querator/outbox/pg';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { parseConfig, type RunningServer, startServer } from '../../../src/index.ts';

/** Overrides of a server's configuration, as YAML. */
export interface ServerOptions {
  /** The connection string of the storage. Undefined: the database of the application. */
  readonly storage?: string | undefined;
  readonly yaml?: string | undefined;
  /** Lines of the entry of the outbox. */
  readonly outbox?: string | undefined;
  readonly logger?: Logger | undefined;
}

/** Where the queues are: in the database of the application, or in another one. */
export const PLACES = ['in another database', 'in the same database'] as const;

/** A database of an application with an outbox. */
export class Application {
  readonly database: TestDatabase;
  readonly client: pg.Client;

  private constructor(database: TestDatabase, client: pg.Client) {
    this.database = database;
    this.client = client;
  }

  static async create(server?: string): Promise<Application> {
    const database = await createTestDatabase(server);
    const client = new pg.Client(database.connectionString);
    await client.connect();
    await client.query(installSql());
    return new Application(database, client);
  }

  /** A further connection to the database. */
  static async connect({ database }: Application): Promise<pg.Client> {
    const client = new pg.Client(database.connectionString);
    await client.connect();
    return client;
  }

  /** Enqueues these texts in a transaction of their own. */
  async enqueue(queue: string, ...payloads: readonly string[]): Promise<readonly string[]> {
    return enqueue(
      this.client,
      queue,
      payloads.map((payload) => ({ payload })),
    );
  }

  /** How many rows the outbox has. */
  async rows(): Promise<number> {
    const { rows } = await this.client.query('SELECT count(*)::int AS n FROM querator_outbox.outbox');
    return rows[0].n;
  }

  async faults(): Promise<readonly { queue: string; code: string; reason: string; row_id: string }[]> {
    return (await this.client.query('SELECT * FROM querator_outbox.faults ORDER BY queue')).rows;
  }

  /** The configuration of a server with a relay for the outbox. */
  configText({ storage, yaml = '', outbox = '' }: ServerOptions): string {
    const quoted = JSON.stringify(this.database.connectionString);
    return `
address: 127.0.0.1:0
partition-storage:
  - name: main
    driver: postgres
    config: { connection-string: ${JSON.stringify(storage ?? this.database.connectionString)} }
outbox:
  - connection-string: ${quoted}
${outbox}
${yaml}`;
  }

  /** Starts a server with a relay for the outbox. */
  start(options: ServerOptions): Promise<RunningServer> {
    const { logger = silentLogger } = options;
    return startServer(parseConfig(this.configText(options)), {
      clock: new SystemClock(),
      random: new SystemRandom(),
      logger,
    });
  }

  async drop(): Promise<void> {
    await this.client.end();
    await this.database.drop();
  }
}

/** What callers of a server see of its queues. */
export class Caller {
  readonly client: ReturnType<typeof createClient>;

  constructor(server: Pick<RunningServer, 'url'>, apiKey?: string) {
    this.client = createClient({ endpoint: server.url, ...(apiKey === undefined ? {} : { apiKey }) });
  }

  async create(queueName: string, partitions = 1, namespace = ''): Promise<void> {
    const settings = { leaseTimeout: '10m', expireTimeout: '24h', requestedPartitions: partitions };
    await this.client.queues.create({ queueName, namespace, ...settings });
  }

  /** Leases until this many items have come. @returns their payloads. */
  async texts(queueName: string, count: number): Promise<readonly string[]> {
    const texts: string[] = [];
    while (texts.length < count) {
      const request = {
        queueName,
        clientId: 'test',
        batchSize: Math.min(count - texts.length, 1_000),
        requestTimeout: '10s',
      };
      const { items } = await this.client.queue.lease(request);
      texts.push(...items.map(({ bytes }) => Buffer.from(bytes).toString()));
    }
    return texts;
  }

  /** How many items the queue holds. */
  async held(queueName: string): Promise<number> {
    const { logicalQueues } = await this.client.queue.stats({ queueName });
    return logicalQueues.flatMap(({ partitions }) => partitions).reduce((sum, { total }) => sum + total, 0);
  }
}
