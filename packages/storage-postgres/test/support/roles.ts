import type { TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';

/** A role that may only log in, on its own database or another role's. */
export interface TestRole {
  readonly name: string;
  readonly connectionString: string;
  /** Removes the role with everything it owns in the database. */
  drop(): Promise<void>;
}

/** Creates an ordinary role: no superuser, and without the right to create databases or roles. */
export async function createRole(database: TestDatabase, purpose: string): Promise<TestRole> {
  const name = `${database.name}_${purpose}`;
  await administer(database, [`CREATE ROLE ${name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD 'p'`]);
  const url = new URL(database.connectionString);
  url.username = name;
  url.password = 'p';
  return {
    name,
    connectionString: url.href,
    drop: async () => {
      // One by one: DROP OWNED locks all tables in one transaction, which may be more than the server allows.
      const tables = await tablesOf(database, name);
      await administer(database, [
        ...tables.map((table) => `DROP TABLE IF EXISTS ${table} CASCADE`),
        ...[`DROP OWNED BY ${name} CASCADE`, `DROP ROLE ${name}`],
      ]);
    },
  };
}

/** Makes an ordinary role the owner of the database. */
export async function createOwner(database: TestDatabase): Promise<TestRole> {
  const role = await createRole(database, 'owner');
  await administer(database, [`ALTER DATABASE ${database.name} OWNER TO ${role.name}`]);
  return {
    ...role,
    drop: async () => {
      await administer(database, [`ALTER DATABASE ${database.name} OWNER TO CURRENT_USER`]);
      await role.drop();
    },
  };
}

/** The tables of a role, as names for SQL. */
async function tablesOf({ connectionString }: TestDatabase, role: string): Promise<readonly string[]> {
  const client = new pg.Client(connectionString);
  await client.connect();
  try {
    const { rows } = await client.query<{ readonly name: string }>(
      `SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relowner = $1::regrole`,
      [role],
    );
    return rows.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

async function administer({ connectionString }: TestDatabase, statements: readonly string[]): Promise<void> {
  const client = new pg.Client(connectionString);
  await client.connect();
  try {
    for (const text of statements) await client.query(text);
  } finally {
    await client.end();
  }
}
