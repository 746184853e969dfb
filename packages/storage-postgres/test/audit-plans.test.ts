import type { AuditEvent, AuditPosition } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PostgresAuditStore } from '../src/audit/audit-store.ts';
import { MOST_ROWS_READ } from '../src/audit/list-events.ts';
import { sessionOptions } from '../src/connection/session-options.ts';
import { TableCalls } from '../src/database/table-calls.ts';
import { parseConnectionString } from '../src/settings/connection-string.ts';
import { DEFAULT_TIME_LIMITS } from '../src/settings/time-limits.ts';
import { auditEvent, EVERYTHING } from './support/audit-content.ts';
import { HOUR } from './support/contents.ts';
import { draw, explain, stepsOf } from './support/explain.ts';
import { RecordingDatabase } from './support/recording-database.ts';
import { testBackend } from './support/test-backend.ts';

const ROWS = 20_000;
/** One event in 10,000 is of bob. */
const MANY = `
  INSERT INTO querator_audit
  SELECT 'call-' || n || ' ended', '2030-01-01'::timestamptz + n * interval '1 second', 'n-' || n % 50,
    'u-' || n % 10000, CASE n % 10000 WHEN 0 THEN 'bob' ELSE 'ann' END, 'queues.create',
    '{"outcome":"ok","peer":"","object":{},"changes":[]}'
  FROM generate_series(1, ${ROWS}) AS n`;

let database: TestDatabase;
let client: pg.Client;
beforeAll(async () => {
  database = await createTestDatabase();
  const backend = testBackend(database.connectionString);
  await backend.auditStore().append([auditEvent('first')]);
  await backend.close();
  client = new pg.Client(
    sessionOptions(parseConnectionString(database.connectionString), DEFAULT_TIME_LIMITS),
  );
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

test('every statement of the audit store goes through an index, before and after ANALYZE', async () => {
  const recording = new RecordingDatabase(client);
  const db = Object.assign(recording.asDatabase(), {
    runInBackground: <T>(work: () => Promise<T>) => work(),
  });
  const store = new PostgresAuditStore({
    db,
    tables: { ensure: async () => {}, forget: () => {}, explain: async (error) => error },
    calls: new TableCalls('plans', async () => {}),
    clock: undefined,
  });
  const after: AuditPosition = { at: EVERYTHING.to, callId: 'x', ended: true };
  await store.append([auditEvent('a')]);
  await store.prune(HOUR, 1_000);
  for (const namespace of [undefined, 'n-1']) {
    for (const [actor, actions] of [
      [undefined, undefined],
      ['ann', undefined],
      ['ann', ['queues.create', 'v2/queues.create']],
    ] as const) {
      await store.list({ ...EVERYTHING, namespace, actor, actions });
      await store.list({ ...EVERYTHING, namespace, actor, actions, after });
    }
  }
  expect(recording.statements).toHaveLength(14);
  for (const state of ['empty', 'full', 'analyzed'] as const) {
    if (state === 'full') await client.query(MANY);
    if (state === 'analyzed') await client.query('ANALYZE querator_audit');
    for (const statement of recording.statements) {
      for (const mode of ['custom', 'generic'] as const) {
        const plan = await explain(client, statement, mode);
        const scanned = stepsOf(plan).map((step) => `${step['Node Type']} on ${step['Relation Name']}`);
        expect(scanned, `${statement.text}\n${draw(plan)}`).not.toEqual(
          expect.arrayContaining([expect.stringMatching(/(Seq Scan|Bitmap).* on querator/)]),
        );
        // Pages are read in the order of an index. Only what a filter has read is sorted.
        if (!statement.text.includes('MATERIALIZED') && statement.text.includes('ORDER BY')) {
          expect(scanned, draw(plan)).not.toEqual(expect.arrayContaining([expect.stringMatching(/Sort/)]));
        }
      }
    }
  }
});

test('a page with a filter reads a part of the table, and the pages together find every event', async () => {
  await client.query(`TRUNCATE querator_audit; ${MANY}`);
  const backend = testBackend(database.connectionString);
  const store = backend.auditStore();
  const found: AuditEvent[] = [];
  const sizes: number[] = [];
  let after: AuditPosition | undefined;
  do {
    const page = await store.list({ ...EVERYTHING, actor: 'bob', after });
    found.push(...page.events);
    sizes.push(page.events.length);
    after = page.next;
  } while (after !== undefined);
  expect(found.map(({ callId }) => callId)).toEqual(['call-20000', 'call-10000']);
  expect(sizes.length).toBeGreaterThanOrEqual(ROWS / MOST_ROWS_READ);
  expect(sizes.filter((size) => size === 0).length).toBeGreaterThan(0);
  const few = await store.list({ ...EVERYTHING, actor: 'ann', limit: 3 });
  expect(few.events.map(({ callId }) => callId)).toEqual(['call-19999', 'call-19998', 'call-19997']);
  expect(few.next).toMatchObject({ callId: 'call-19997' });
  await backend.close();
});
