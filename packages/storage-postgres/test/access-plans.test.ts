import { createTestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { expect, test } from 'vitest';
import { PostgresAccessStore } from '../src/access/access-store.ts';
import { sessionOptions } from '../src/connection/session-options.ts';
import { TableCalls, type TableProvisioner } from '../src/database/table-calls.ts';
import { ACCESS } from '../src/schema/separate-tables.ts';
import { parseConnectionString } from '../src/settings/connection-string.ts';
import { DEFAULT_TIME_LIMITS } from '../src/settings/time-limits.ts';
import { useAllOfAccess } from './support/access-records.ts';
import { draw, explain, stepsOf } from './support/explain.ts';
import { RecordingDatabase } from './support/recording-database.ts';
import { testBackend } from './support/test-backend.ts';

const PROVIDED: TableProvisioner = {
  ensure: async () => {},
  forget: () => {},
  explain: async (error) => error,
};

const MANY = `
  INSERT INTO querator_namespaces SELECT 'n-' || n, '', '', now() FROM generate_series(1, 2000) AS n;
  INSERT INTO querator_users SELECT 'u-' || n, 'name-' || n, '', '', now(), now() FROM generate_series(1, 5000) AS n;
  INSERT INTO querator_api_keys
    SELECT 'k-' || n, 'u-' || n % 500, '', CASE WHEN n % 2 = 0 THEN 'n-' || n % 20 ELSE '' END, 'hash-' || n,
      CASE WHEN n % 10 = 0 THEN 'previous-' || n END, CASE WHEN n % 10 = 0 THEN now() END, '', NULL, NULL, now()
    FROM generate_series(1, 5000) AS n;
  INSERT INTO querator_roles SELECT 'r-' || n, 'n-' || n % 20, 'r-' || n, '["queue.list"]', now()
    FROM generate_series(1, 5000) AS n;
  INSERT INTO querator_role_bindings SELECT 'b-' || n, 'u-' || n % 500, 'n-' || n % 20, 'r-' || n % 300, now()
    FROM generate_series(1, 5000) AS n ON CONFLICT DO NOTHING;
  INSERT INTO querator_quotas SELECT CASE WHEN n % 2 = 0 THEN 'key' ELSE 'namespace' END, 'q-' || n, '{}'
    FROM generate_series(1, 5000) AS n`;

test('every statement of the access store goes through an index, before and after ANALYZE', async () => {
  const database = await createTestDatabase();
  const backend = testBackend(database.connectionString);
  await backend.accessStore().generation();
  await backend.close();
  const client = new pg.Client(
    sessionOptions(parseConnectionString(database.connectionString), DEFAULT_TIME_LIMITS),
  );
  await client.connect();
  const recording = new RecordingDatabase(client);
  const store = new PostgresAccessStore({
    db: recording.asDatabase(),
    schema: { access: PROVIDED, audit: PROVIDED, secrets: PROVIDED },
    calls: new TableCalls('plans', async () => {}),
    clock: undefined,
    limits: DEFAULT_TIME_LIMITS,
  });
  await client.query('BEGIN');
  await useAllOfAccess(store);
  await client.query('ROLLBACK');
  const statements = new Map(recording.statements.map((statement) => [statement.text, statement]));
  expect(statements.size).toBeGreaterThan(30);

  for (const state of ['empty', 'full', 'analyzed'] as const) {
    if (state === 'full') await client.query(MANY);
    if (state === 'analyzed') await client.query(`ANALYZE ${ACCESS.relations.join(', ')}`);
    for (const statement of statements.values()) {
      for (const mode of ['custom', 'generic'] as const) {
        const plan = await explain(client, statement, mode);
        const scanned = stepsOf(plan).map((step) => `${step['Node Type']} on ${step['Relation Name']}`);
        expect(scanned, `${statement.text}\n${draw(plan)}`).not.toEqual(
          expect.arrayContaining([expect.stringMatching(/(Seq Scan|Bitmap).* on querator/)]),
        );
        // Pages are read in the order of an index. Only the keys of a batch of uses are sorted.
        if (statement.text.includes('LIMIT')) {
          expect(scanned, draw(plan)).not.toEqual(expect.arrayContaining([expect.stringMatching(/Sort/)]));
        }
      }
    }
  }
  await client.end();
  await database.drop();
});
