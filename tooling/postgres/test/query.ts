import pg from 'pg';

/** Runs one statement on a new connection. @returns the rows. */
export async function query(connectionString: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString, application_name: 'querator-tests' });
  // Some tests stop a server with open connections.
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
