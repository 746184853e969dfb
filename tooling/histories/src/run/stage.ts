import { createClient } from '@querator/client';
import { createTestDatabase } from '@querator/tooling-postgres';
import { freePorts } from '@querator/tooling-processes';
import { DatabaseLink } from './database-link.ts';
import type { DatabaseUnderTest } from './faults.ts';
import { Instance } from './instance.ts';

/** Several servers on one database, with a queue called `q`. */
export interface Stage {
  readonly instances: readonly Instance[];
  readonly links: readonly DatabaseLink[];
  tearDown(): Promise<void>;
}

export interface StageOptions {
  readonly instances: number;
  readonly partitions: number;
  readonly leaseTimeoutMs: number;
  /** A known-bad variant of the engine. */
  readonly variant?: string;
}

/** Starts the servers, each with its own link to a new database. */
export async function setUpStage(
  server: DatabaseUnderTest,
  { instances: count, partitions, leaseTimeoutMs, variant }: StageOptions,
): Promise<Stage> {
  const database = await createTestDatabase(server.connectionString());
  const links = await Promise.all(
    Array.from({ length: count }, (_, n) => {
      const own = server.serversOf?.(n) ?? server.servers;
      return DatabaseLink.open(own.map((each) => databaseOf(each, database.name)));
    }),
  );
  const ports = await freePorts(count);
  const instances = links.map(
    ({ connectionString }, n) => new Instance(ports[n] ?? 0, connectionString, variant),
  );
  const tearDown = async () => {
    // SIGKILL first, since an orderly end waits for the requests in flight.
    await Promise.all(instances.map((instance) => instance.kill().then(() => instance.stop())));
    await Promise.all(links.map((link) => link.close()));
    // Another server may be the primary now.
    await database.drop(server.connectionString());
  };
  try {
    await Promise.all(instances.map((instance) => instance.start()));
    await createClient({ endpoint: instances[0]?.url ?? '' }).queues.create({
      ...{ queueName: 'q', leaseTimeout: `${leaseTimeoutMs}ms`, expireTimeout: '24h' },
      requestedPartitions: partitions,
    });
  } catch (error) {
    await tearDown();
    throw error;
  }
  return { instances, links, tearDown };
}

/** The connection string of another database of the server. */
function databaseOf(connectionString: string, name: string): string {
  const url = new URL(connectionString);
  url.pathname = `/${name}`;
  return url.href;
}
