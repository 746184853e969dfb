import process from 'node:process';
import type { Cluster } from './cluster.ts';
import { dockerAnswers, startContainer } from './docker.ts';
import { startTemporaryCluster } from './temporary-cluster.ts';

/** A PostgreSQL for tests, of any origin. */
export interface TestServer {
  readonly kind: 'given' | 'docker' | 'embedded';
  /** A superuser's connection to the database `postgres`, or to the given one. */
  readonly connectionString: string;
  /** Only the embedded kind has it, and supports faults. */
  readonly cluster?: Cluster;
  stop(): Promise<void>;
}

/**
 * A PostgreSQL for tests: that of QUERATOR_TEST_POSTGRES_URL, otherwise a
 * container if Docker answers, otherwise the npm package.
 * QUERATOR_TEST_POSTGRES_VERSION selects the npm package;
 * QUERATOR_TEST_POSTGRES_CONTAINER=required allows only the container.
 *
 * @throws Error when a required container does not start.
 */
export async function testPostgres(): Promise<TestServer> {
  const given = process.env['QUERATOR_TEST_POSTGRES_URL'];
  if (given) return { kind: 'given', connectionString: given, stop: async () => {} };
  if (!process.env['QUERATOR_TEST_POSTGRES_VERSION'] && (await dockerAnswers())) {
    try {
      return { kind: 'docker', ...(await startContainer({ fsync: 'off' })) };
    } catch (error) {
      if (containerIsRequired()) throw error;
      // An engine that cannot get the image is of no use.
      const reason = error instanceof Error ? error.message : String(error);
      process.stderr.write(`PostgreSQL in Docker: ${reason}. Using the embedded one.\n`);
    }
  }
  if (containerIsRequired()) throw new Error('QUERATOR_TEST_POSTGRES_CONTAINER: no Docker engine answers');
  const cluster = await startTemporaryCluster({ volatile: true });
  return {
    kind: 'embedded',
    connectionString: cluster.connectionString(),
    cluster,
    stop: () => cluster.stop(),
  };
}

function containerIsRequired(): boolean {
  return process.env['QUERATOR_TEST_POSTGRES_CONTAINER'] === 'required';
}
