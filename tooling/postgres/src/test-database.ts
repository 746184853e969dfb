import { randomBytes } from 'node:crypto';
import process from 'node:process';
import pg from 'pg';

declare module 'vitest' {
  interface ProvidedContext {
    /** Connection of a superuser to the PostgreSQL of this test run. */
    queratorPostgresUrl: string;
    /** The origin of that PostgreSQL. */
    queratorPostgresKind: 'given' | 'docker' | 'embedded';
  }
}

/** An empty database for one test file. */
export interface TestDatabase {
  readonly name: string;
  readonly connectionString: string;
  /**
   * Removes the database and ends its sessions.
   *
   * @param server its current server; the original one by default.
   */
  drop(server?: string): Promise<void>;
}

async function administer(
  connectionString: string,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const client = new pg.Client({ connectionString, application_name: 'querator-tests' });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Creates an empty database. From PostgreSQL 15 on, the default strategy writes each block of the template to the WAL,
 * which takes four times as long as to copy the files.
 */
async function createDatabase(client: pg.Client, name: string): Promise<void> {
  const { rows } = await client.query('SELECT current_setting($1)::int >= 150000 AS strategies', [
    'server_version_num',
  ]);
  await client.query(
    `CREATE DATABASE ${name} TEMPLATE template0${rows[0].strategies ? ' STRATEGY file_copy' : ''}`,
  );
}

const OBJECT_IN_USE = '55006';
/** PostgreSQL's own processes, such as an autovacuum worker, may outlast one attempt. */
const DROP_TRIES = 4;

/**
 * Drops a database and ends its sessions. It forbids new connections meanwhile,
 * since `WITH (FORCE)` exists only from PostgreSQL 13 on.
 */
async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  const { rows } = await client.query(
    'SELECT current_setting($1)::int >= 130000 AS force, EXISTS (SELECT FROM pg_database WHERE datname = $2)',
    ['server_version_num', name],
  );
  if (!rows[0].exists) return;
  await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
  for (let triesLeft = DROP_TRIES - 1; ; triesLeft--) {
    await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    try {
      // Waits up to 5 s for the terminated sessions.
      await client.query(`DROP DATABASE IF EXISTS ${name}${rows[0].force ? ' WITH (FORCE)' : ''}`);
      return;
    } catch (error) {
      if (triesLeft === 0 || !(error instanceof pg.DatabaseError) || error.code !== OBJECT_IN_USE)
        throw error;
    }
  }
}

/** The server of the Vitest run. Imported late, since programs without Vitest use this package too. */
async function serverOfTheRun(): Promise<string> {
  const { inject } = await import('vitest');
  return inject('queratorPostgresUrl');
}

/**
 * Creates an empty database on the run's server, or on the given one. Names are
 * unique per process and call, so that test files, packages and clones can share a
 * server.
 */
export async function createTestDatabase(given?: string): Promise<TestDatabase> {
  const server = given ?? (await serverOfTheRun());
  const name = `querator_test_${process.pid}_${randomBytes(4).toString('hex')}`;
  await administer(server, (client) => createDatabase(client, name));
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    name,
    connectionString: url.href,
    drop: (now = server) => administer(now, (client) => dropDatabase(client, name)),
  };
}
