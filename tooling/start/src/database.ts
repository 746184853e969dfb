import { setTimeout as delay } from 'node:timers/promises';
import { type Cluster, startCluster } from '@querator/tooling-postgres';
import { StartFailed } from './start-failed.ts';

const RETRY_MS = 1000;

/** The embedded PostgreSQL of `npm start`. */
export interface Database {
  readonly connectionString: string;
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Starts the embedded PostgreSQL and keeps it running. After a kill it starts
 * again on the same port, so the server's pools reconnect.
 */
export async function startDatabase(dataDir: string, say: (line: string) => void): Promise<Database> {
  let stopping = false;
  let revival = Promise.resolve();

  async function revive(cluster: Cluster): Promise<void> {
    say('PostgreSQL has ended unexpectedly. Starting it again.');
    while (!stopping) {
      try {
        await cluster.start();
        say('PostgreSQL is back.');
        return;
      } catch (error) {
        say(error instanceof Error ? error.message : String(error));
        await delay(RETRY_MS);
      }
    }
  }

  const cluster: Cluster = await startCluster({
    dataDir,
    onUnexpectedEnd: () => {
      if (!stopping) revival = revive(cluster);
    },
  }).catch((error: unknown) => {
    throw new StartFailed(`The embedded PostgreSQL did not start. ${(error as Error).message}`);
  });
  return {
    connectionString: cluster.connectionString(),
    port: cluster.port,
    async stop() {
      stopping = true;
      await revival;
      await cluster.stop();
    },
  };
}
