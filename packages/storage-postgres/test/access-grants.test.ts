import { createTestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { expect, test } from 'vitest';
import { grantsStatement } from '../src/access/grants.ts';
import { testBackend } from './support/test-backend.ts';

/** Roles as whoever may create roles and bindings in one namespace can make them. */
const MANY_LONG_ROLES = `
  INSERT INTO querator_users VALUES ('u', 'ann', '', '', now(), now());
  INSERT INTO querator_roles
    SELECT 'r-' || n, 'tenant', 'r-' || n, to_jsonb(array_fill('queue.list'::text, ARRAY[1000])), now()
    FROM generate_series(1, 100) AS n;
  INSERT INTO querator_role_bindings SELECT 'b-' || n, 'u', 'tenant', 'r-' || n, now()
    FROM generate_series(1, 100) AS n`;

test('the grants of a user are no longer than the permissions, however many roles repeat them', async () => {
  const database = await createTestDatabase();
  const backend = testBackend(database.connectionString);
  const client = new pg.Client(database.connectionString);
  await client.connect();
  try {
    await backend.accessStore().generation();
    await client.query(MANY_LONG_ROLES);
    const { text, values } = grantsStatement(
      { userId: 'u' },
      {
        namespaces: 'querator_namespaces',
        users: 'querator_users',
        apiKeys: 'querator_api_keys',
        roles: 'querator_roles',
        bindings: 'querator_role_bindings',
        quotas: 'querator_quotas',
        queues: 'querator_queues',
        state: 'querator_access_state',
      },
    );
    const { rows } = await client.query(text, [...(values ?? [])]);
    expect(JSON.stringify(rows).length).toBeLessThan(1_000);
    const found = await backend.accessStore().grants({ userId: 'u' });
    expect(found?.permissions).toEqual(new Map([['tenant', new Set(['queue.list'])]]));
  } finally {
    await client.end();
    await backend.close();
    await database.drop();
  }
});
