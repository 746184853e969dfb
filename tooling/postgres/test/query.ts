import pg from 'pg';

/** Runs one statement on a connection of its own and returns the rows. */
export async function query(connectionString: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString, application_name: 'querator-tests' });
  // A server that goes away under an open connection is what some of the tests are about.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
