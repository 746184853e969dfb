import { startTemporaryCluster } from '@querator/tooling-postgres';
import { PatroniCluster, ReplicatedPair } from '@querator/tooling-postgres/debian';
import type { DatabaseUnderTest } from './faults.ts';

/** Provides one server of the npm package. */
export async function withServer<T>(work: (database: DatabaseUnderTest) => Promise<T>): Promise<T> {
  const cluster = await startTemporaryCluster();
  try {
    return await work({
      servers: [cluster.connectionString()],
      connectionString: () => cluster.connectionString(),
      crash: () => cluster.crash(),
      start: () => cluster.start(),
    });
  } finally {
    await cluster.stop();
  }
}

/** Provides a primary and its synchronous standby, of Debian's programs. Each failover swaps them. */
export async function withPair<T>(work: (database: DatabaseUnderTest) => Promise<T>): Promise<T> {
  const pair = await ReplicatedPair.start('synchronous');
  try {
    return await work({
      servers: [pair.first.connectionString(), pair.second.connectionString()],
      connectionString: () => pair.primary.connectionString(),
      crash: () => pair.primary.crash(),
      start: async () => {
        await pair.primary.start();
        await pair.streaming();
        await pair.caughtUp();
      },
      standby: {
        cutOff: () => pair.link.blackHole(),
        promote: async () => {
          const { link } = pair;
          await pair.promote();
          link.restore();
        },
        rebuild: async () => {
          await pair.rejoin();
          await pair.waitForStandby();
        },
      },
    });
  } finally {
    await pair.stop();
  }
}

/**
 * Provides three nodes under Patroni in synchronous mode, of Debian's programs.
 * Instances with an even number have all nodes in their connection string; the
 * others use HAProxy.
 */
export async function withPatroni<T>(work: (database: DatabaseUnderTest) => Promise<T>): Promise<T> {
  const patroni = await PatroniCluster.start();
  try {
    return await work({
      servers: patroni.servers,
      serversOf: (instance) => (instance % 2 === 0 ? patroni.servers : [patroni.proxied]),
      connectionString: () => patroni.proxied,
      crash: async () => (await patroni.leader()).killPostgres(),
      start: () => patroni.settled(),
      patroni,
    });
  } finally {
    await patroni.stop();
  }
}
