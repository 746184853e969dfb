import { type ItemId, parseDuration } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complete } from '../src/operations/complete.ts';
import { extend } from '../src/operations/extend.ts';
import { markMoved } from '../src/operations/mark-moved.ts';
import { abortLetters, commitLetters } from '../src/operations/prepared-letters.ts';
import { release } from '../src/operations/release.ts';
import { remove } from '../src/operations/remove.ts';
import { retry } from '../src/operations/retry.ts';
import { itemsTable } from '../src/schema/tables/items.ts';
import { renderTable } from '../src/schema/tables/render-ddl.ts';
import { type PartitionContext, PartitionTable } from '../src/sql/partition-table.ts';
import { RecordingDatabase } from './support/recording-database.ts';

const KEY = { queue: 'one-statement', partition: 0 };
const table = new PartitionTable(KEY);
const COUNT = 1_000;

describe('requests for leased items', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let ids: readonly ItemId[];

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.connectionString });
    await client.connect();
    await client.query('CREATE SEQUENCE querator_item_id');
    for (const text of renderTable(itemsTable(KEY.queue, KEY.partition))) await client.query(text);
    await client.query(
      `INSERT INTO ${table.name} (id, is_leased, lease_deadline, expire_deadline, created_at)
       SELECT '0' || lpad(to_hex(n), 16, '0') || 'abcdefghij', true, now() + interval '1 min', now() + interval '1 h', now()
       FROM generate_series(1, ${COUNT}) AS n`,
    );
    ids = (await client.query(`SELECT id FROM ${table.name} ORDER BY id`)).rows.map(({ id }) => id);
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  /** The statements that an operation sends, and their names. Undoes it. */
  async function sent(operation: (context: PartitionContext) => Promise<unknown>) {
    const recording = new RecordingDatabase(client);
    const context = { db: recording.asDatabase(), table, random: new SeededRandom(), clock: undefined };
    await client.query('BEGIN');
    await operation(context);
    await client.query('ROLLBACK');
    const names = recording.statements.map(({ name = '' }) => name.replace(/_[0-9a-f]+_0+$/, ''));
    return { recording, names };
  }

  test('are one complete of a thousand items', async () => {
    expect(
      (
        await sent((context) =>
          complete(
            context,
            ids.map((id) => ({ ids: [id] })),
          ),
        )
      ).names,
    ).toEqual(['complete']);
  });

  test('are one complete of a single item, which is not planned anew each time', async () => {
    const [id] = ids as [ItemId];
    const { recording, names } = await sent((context) => complete(context, [{ ids: [id] }]));
    expect(names).toEqual(['complete_one']);
    await client.query(`PREPARE one AS ${recording.statements[0]?.text}`);
    await client.query('BEGIN');
    // PostgreSQL plans the first five executions for their parameters. Then it decides.
    for (const each of ids.slice(0, 5)) await client.query(`EXECUTE one(${pg.escapeLiteral(each)})`);
    const { rows } = await client.query(`EXPLAIN EXECUTE one('planned for any id')`);
    await client.query('ROLLBACK');
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/Index Cond: \(id = \$1\)/);
  });

  test.each([1, 2, 9, 10, 100])('are not planned anew each time: %i items', async (count) => {
    const some = ids.slice(0, count);
    const leaseTimeout = parseDuration('1m');
    const rules = { maxAttempts: 0, dead: 'move' } as const;
    const operations: readonly ((context: PartitionContext) => Promise<unknown>)[] = [
      (context) => complete(context, [{ ids: some }]),
      (context) => release(context, some),
      (context) => markMoved(context, some),
      (context) => remove(context, some),
      (context) => commitLetters(context, some),
      (context) => abortLetters(context, some),
      (context) => retry(context, [{ items: some.map((id) => ({ id, dead: false })) }], rules),
      (context) =>
        extend(
          context,
          some.map((id) => ({ id, leaseTimeout })),
        ),
    ];
    for (const operation of operations) {
      const { recording, names } = await sent(operation);
      const { text = '', values } = recording.statements[0] ?? {};
      const name = `${names[0]} of ${count}`;
      await client.query('BEGIN');
      await client.query('SAVEPOINT before');
      for (let execution = 0; execution < 12; execution++) {
        await client.query({ name, text, values: values as unknown[] });
        await client.query('ROLLBACK TO before');
      }
      await client.query('ROLLBACK');
      // PostgreSQL plans the first five executions for their parameters. Then it decides.
      const plans =
        'SELECT custom_plans::int, generic_plans::int FROM pg_prepared_statements WHERE name = $1';
      expect((await client.query(plans, [name])).rows).toEqual([{ custom_plans: 5, generic_plans: 7 }]);
    }
  });

  test('are one retry of a thousand items', async () => {
    const requests = ids.map((id) => ({ items: [{ id, dead: false }] }));
    const rules = { maxAttempts: 0, dead: 'move' } as const;
    expect((await sent((context) => retry(context, requests, rules))).names).toEqual(['retry']);
  });

  test('are one extend of a thousand items, whatever their timeouts', async () => {
    const items = ids.map((id, n) => ({ id, leaseTimeout: parseDuration(`${n + 1}s`) }));
    const other = { id: 'unknown', leaseTimeout: parseDuration('1s') };
    expect((await sent((context) => extend(context, [...items, other]))).names).toEqual(['extend']);
  });
});
