import process from 'node:process';
import type { Cluster } from './cluster.ts';
import { dockerAnswers, startContainer } from './docker.ts';
import { startTemporaryCluster } from './temporary-cluster.ts';

/** A PostgreSQL for tests, wherever it came from. */
export interface TestServer {
  readonly kind: 'given' | 'docker' | 'embedded';
  /** A superuser's connection to the database `postgres`, or to the one that was given. */
  readonly connectionString: string;
  /** Faults can be provoked with the embedded kind only. */
  readonly cluster?: Cluster;
  stop(): Promise<void>;
}

/**
 * A PostgreSQL for tests: the one QUERATOR_TEST_POSTGRES_URL names; else one in
 * a container where Docker answers; else one from the npm package, which it is
 * at once where QUERATOR_TEST_POSTGRES_VERSION asks for a version. With
 * QUERATOR_TEST_POSTGRES_CONTAINER=required, the container or nothing.
 *
 * @throws Error when a container is required and cannot be started.
 */
export async function testPostgres(): Promise<TestServer> {
  const given = process.env['QUERATOR_TEST_POSTGRES_URL'];
  if (given) return { kind: 'given', connectionString: given, stop: async () => {} };
  if (!process.env['QUERATOR_TEST_POSTGRES_VERSION'] && (await dockerAnswers())) {
    try {
      return { kind: 'docker', ...(await startContainer()) };
    } catch (error) {
      if (containerIsRequired()) throw error;
      // An engine without the image, and without a way to it, is as good as none.
      const reason = error instanceof Error ? error.message : String(error);
      process.stderr.write(`PostgreSQL in Docker: ${reason}. Using the embedded one.\n`);
    }
  }
  if (containerIsRequired()) throw new Error('QUERATOR_TEST_POSTGRES_CONTAINER: no Docker engine answers');
  const cluster = await startTemporaryCluster();
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
