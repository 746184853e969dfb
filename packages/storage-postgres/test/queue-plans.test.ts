import { milliseconds } from '@querator/core';
import { createTestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { expect, test } from 'vitest';
import { sessionOptions } from '../src/connection/session-options.ts';
import { TableCalls } from '../src/database/table-calls.ts';
import { PostgresQueueStore } from '../src/queue-store.ts';
import type { SchemaManager } from '../src/schema/schema-manager.ts';
import { parseConnectionString } from '../src/settings/connection-string.ts';
import { DEFAULT_TIME_LIMITS } from '../src/settings/time-limits.ts';
import { draw, explain, stepsOf } from './support/explain.ts';
import { RecordingDatabase } from './support/recording-database.ts';
import { testBackend } from './support/test-backend.ts';

const QUEUE = {
  ...{
    namespace: 'ns',
    leaseTimeout: milliseconds(1_000),
    expireTimeout: milliseconds(1_000),
    deadQueue: '',
  },
  ...{ maxAttempts: 0, reference: '', requestedPartitions: 1, partitions: [] },
};

test('every statement on queues uses an index, before and after ANALYZE', async () => {
  const database = await createTestDatabase();
  const backend = testBackend(database.connectionString);
  await backend.queueStore().get('nothing');
  await backend.close();
  const client = new pg.Client(
    sessionOptions(parseConnectionString(database.connectionString), DEFAULT_TIME_LIMITS),
  );
  await client.connect();
  await client.query(`
    INSERT INTO querator_queues
    SELECT 'queue-' || n, CASE WHEN n % 3 = 0 THEN 'ns' ELSE 'ns-' || n END, 1, 1,
      CASE WHEN n % 10 = 0 THEN 'queue-dead' ELSE '' END, 0, '', 1, '[]', now(), now()
    FROM generate_series(1, 5000) AS n`);
  const recording = new RecordingDatabase(client);
  const schema = {
    fixed: { ensure: async () => {}, forget: () => {}, explain: async (error: unknown) => error },
  };
  const store = new PostgresQueueStore({
    ...{ db: recording.asDatabase(), schema: schema as unknown as SchemaManager },
    ...{ calls: new TableCalls('plans', async () => {}), clock: undefined },
  });
  await client.query('BEGIN');
  await store.create({ name: 'new', ...QUEUE });
  await store.get('queue-7');
  await store.list({ namespace: 'ns', pivot: 'queue-1', limit: 100 });
  await store.update('queue-7', (stored) => stored);
  await store.findByDeadQueue('queue-dead');
  await store.delete('queue-7');
  await client.query('ROLLBACK');
  expect(recording.statements).toHaveLength(7);

  for (const analyzed of [false, true]) {
    if (analyzed) await client.query('ANALYZE querator_queues');
    for (const statement of recording.statements) {
      for (const mode of ['custom', 'generic'] as const) {
        const plan = await explain(client, statement, mode);
        const kinds = stepsOf(plan).map((step) => step['Node Type']);
        expect(kinds, draw(plan)).not.toEqual(
          expect.arrayContaining([expect.stringMatching(/Seq Scan|Sort|Bitmap/)]),
        );
      }
    }
  }
  await client.end();
  await database.drop();
});
