import { randomBytes } from 'node:crypto';
import process from 'node:process';
import pg from 'pg';

declare module 'vitest' {
  interface ProvidedContext {
    /** Connection of a superuser to the PostgreSQL of this test run. */
    queratorPostgresUrl: string;
    /** Where that PostgreSQL came from. */
    queratorPostgresKind: 'given' | 'docker' | 'embedded';
  }
}

/** An empty database for one test file. */
export interface TestDatabase {
  readonly name: string;
  readonly connectionString: string;
  /** Removes the database, with whatever is still connected to it. */
  drop(): Promise<void>;
}

async function administer(connectionString: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString, application_name: 'querator-tests' });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The server of the Vitest run. Loaded late: those who only start clusters do without Vitest. */
async function serverOfTheRun(): Promise<string> {
  const { inject } = await import('vitest');
  return inject('queratorPostgresUrl');
}

/**
 * Creates an empty database on the run's server, or on the one given. Names are
 * unique per process and call, so that test files, packages and clones do not
 * meet on a server they share.
 */
export async function createTestDatabase(given?: string): Promise<TestDatabase> {
  const server = given ?? (await serverOfTheRun());
  const name = `querator_test_${process.pid}_${randomBytes(4).toString('hex')}`;
  await administer(server, `CREATE DATABASE ${name} TEMPLATE template0`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    name,
    connectionString: url.href,
    drop: () => administer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}
