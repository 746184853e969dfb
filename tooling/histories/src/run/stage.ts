import { createClient } from '@querator/client';
import { createTestDatabase } from '@querator/tooling-postgres';
import { freePorts } from '@querator/tooling-processes';
import { DatabaseLink, databaseOf } from './database-link.ts';
import type { DatabaseUnderTest } from './faults.ts';
import { Instance } from './instance.ts';
import { OutboxDatabase } from './outbox-database.ts';

/** Several servers on one database, with a queue called `q`. */
export interface Stage {
  readonly instances: readonly Instance[];
  readonly links: readonly DatabaseLink[];
  /** Undefined: callers have none. */
  readonly outbox: OutboxDatabase | undefined;
  /** The connection string of the database, on the server that takes writes now. */
  readonly connectionString: () => string;
  tearDown(): Promise<void>;
}

export interface StageOptions {
  readonly instances: number;
  readonly partitions: number;
  readonly leaseTimeoutMs: number;
  /** How often an item may be leased until it goes to the dead-letter queue `dead`. Undefined: there is none. */
  readonly maxAttempts?: number | undefined;
  /** Whether callers have an outbox, in the database of the queues or in another one. None by default. */
  readonly outbox?: 'same database' | 'another database';
  /** Whether there is a second storage of items, {@link SECOND_STORAGE}, in another database. */
  readonly secondStorage?: boolean;
  /** A known-bad variant of the engine. */
  readonly variant?: string;
}

/** The storage that has no partitions at first. */
export const SECOND_STORAGE = 'second';

/** Starts the servers, each with its own link to a new database. */
export async function setUpStage(server: DatabaseUnderTest, options: StageOptions): Promise<Stage> {
  const { instances: count, partitions, leaseTimeoutMs, maxAttempts, outbox: place, variant } = options;
  const database = await createTestDatabase(server.connectionString());
  const another =
    place === 'another database' ? await createTestDatabase(server.connectionString()) : undefined;
  const second =
    options.secondStorage === true ? await createTestDatabase(server.connectionString()) : undefined;
  const outboxName = another?.name ?? database.name;
  const outbox = place && new OutboxDatabase(() => databaseOf(server.connectionString(), outboxName));
  const links = await Promise.all(
    Array.from({ length: count }, (_, n) => {
      const own = server.serversOf?.(n) ?? server.servers;
      return DatabaseLink.open(own.map((each) => databaseOf(each, database.name)));
    }),
  );
  const ports = await freePorts(count);
  const instances = links.map((link, n) => {
    const databases = {
      ...{ storage: link.connectionString, outbox: outbox && link.to(outboxName) },
      further: second === undefined ? {} : { [SECOND_STORAGE]: link.to(second.name) },
    };
    return new Instance(ports[n] ?? 0, databases, variant);
  });
  const tearDown = async () => {
    // SIGKILL first, since an orderly end waits for the requests in flight.
    await Promise.all(instances.map((instance) => instance.kill().then(() => instance.stop())));
    await Promise.all(links.map((link) => link.close()));
    // Another server may be the primary now.
    for (const each of [database, another, second]) await each?.drop(server.connectionString());
  };
  try {
    await outbox?.install();
    await Promise.all(instances.map((instance) => instance.start()));
    await createQueue(instances[0] as Instance, { partitions, leaseTimeoutMs, maxAttempts });
  } catch (error) {
    await tearDown();
    throw error;
  }
  const connectionString = () => databaseOf(server.connectionString(), database.name);
  return { instances, links, outbox, connectionString, tearDown };
}

/** Creates the queue `q` at a server, and its dead-letter queue if items have a limit of attempts. */
export async function createQueue(
  { url }: Pick<Instance, 'url'>,
  {
    partitions,
    leaseTimeoutMs,
    maxAttempts,
  }: Pick<StageOptions, 'partitions' | 'leaseTimeoutMs' | 'maxAttempts'>,
): Promise<void> {
  const { queues } = createClient({ endpoint: url });
  const settings = { leaseTimeout: `${leaseTimeoutMs}ms`, expireTimeout: '24h' };
  if (maxAttempts === undefined) {
    await queues.create({ queueName: 'q', ...settings, requestedPartitions: partitions });
    return;
  }
  await queues.create({ queueName: 'dead', ...settings, requestedPartitions: 1 });
  const letters = { deadQueue: 'dead', maxAttempts };
  await queues.create({ queueName: 'q', ...settings, ...letters, requestedPartitions: partitions });
}
