import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sessionOptions } from '../src/connection/session-options.ts';
import { itemsTable } from '../src/schema/tables/items.ts';
import { keysTable } from '../src/schema/tables/keys.ts';
import { renderTable } from '../src/schema/tables/render-ddl.ts';
import { parseConnectionString } from '../src/settings/connection-string.ts';
import { DEFAULT_TIME_LIMITS } from '../src/settings/time-limits.ts';
import { MOVED_DEADLINE, movingDeadline } from '../src/sql/item-state.ts';
import { PartitionTable } from '../src/sql/partition-table.ts';
import { partitionLabel } from '../src/sql/table-name.ts';
import { statementsOfEveryOperation } from './support/every-operation.ts';
import { draw, explain, type PlanNode, stepsOf } from './support/explain.ts';

const KEY = { queue: 'plans', partition: 0 };
const table = new PartitionTable(KEY);
const detailed = new PartitionTable(KEY);
detailed.metadata.found();
const ITEMS = 20_000;
const BATCHES = [1, 1_000];

/** The indexes that each statement may use, by the ends of their names. */
const INDEXES: Readonly<Record<string, readonly string[]>> = {
  produce: [],
  produce_texts: [],
  produce_one: [],
  produce_one_texts: [],
  produce_later: [],
  produce_keyed: [],
  produce_keyed_1: [],
  produce_keyed_texts: [],
  produce_keyed_later: [],
  produce_keyed_and_lease: ['lse'],
  produce_keyed_and_lease_texts: ['lse'],
  keys_find: ['pkey'],
  keys_find_here: ['pkey'],
  keys_read: ['pkey'],
  keys_store: [],
  keys_sweep: ['key', 'pkey'],
  produce_and_lease: ['lse'],
  produce_and_lease_texts: ['lse'],
  import: [],
  lease: ['lse', 'pkey'],
  lease_one: ['lse', 'pkey'],
  low_water_snapshot: ['lse'],
  release: ['pkey'],
  complete: ['pkey'],
  complete_one: ['pkey'],
  extend: ['pkey'],
  lock: ['pkey'],
  retry: ['pkey'],
  list: ['pkey'],
  list_few_scheduled: ['sch'],
  list_scheduled: ['pkey'],
  commit_letters: ['src', 'pkey'],
  abort_letters: ['src', 'pkey'],
  find_letters: ['src'],
  delete: ['pkey'],
  delete_each: ['pkey'],
  mark_moved: ['pkey'],
  remove: ['pkey'],
  sweep_probe: ['sch', 'dln', 'exp'],
  sweep_scheduled: ['sch', 'pkey'],
  sweep_leases_move: ['dln', 'pkey'],
  sweep_leases_delete: ['dln', 'pkey'],
  sweep_expired_move: ['exp', 'pkey'],
  sweep_expired_delete: ['exp', 'pkey'],
  // On a table with the column for the details of items.
  produce_details: [],
  produce_one_details: [],
  produce_later_details: [],
  produce_and_lease_details: ['lse'],
  import_details: [],
  import_details_due: [],
  import_keyed: [],
  lease_details: ['lse', 'pkey'],
  extend_bounded: ['pkey'],
  retry_details: ['pkey'],
  retry_errors: ['pkey'],
  list_details: ['pkey'],
  list_few_scheduled_details: ['sch'],
  list_scheduled_details: ['pkey'],
  commit_letters_details: ['src', 'pkey'],
  sweep_scheduled_details: ['sch', 'pkey'],
  sweep_leases_move_details: ['dln', 'pkey'],
  sweep_leases_delete_details: ['dln', 'pkey'],
  sweep_expired_move_details: ['exp', 'pkey'],
  transfer: ['pkey'],
  take_items: ['pkey'],
  take_scheduled: ['pkey'],
};

/** SQL that fills the table: which items are leased or scheduled, by their number `n`. */
const fill = (leased: string, scheduled: string) => `
  INSERT INTO ${table.name} (id, is_leased, lease_deadline, expire_deadline, enqueue_at, created_at, payload)
  SELECT '0' || lpad(to_hex(n), 16, '0') || 'abcdefghij', ${leased},
    CASE WHEN ${leased} THEN now() + n * interval '10 ms' END, now() + interval '1 h' + n * interval '10 ms',
    CASE WHEN ${scheduled} THEN now() + n * interval '10 ms' END, now(), decode(repeat('ab', 100), 'hex')
  FROM generate_series(1, ${ITEMS}) AS n`;
/** All items are letters. Calls use their ids as source ids too. */
const LETTERS = `UPDATE ${table.name} SET source_id = id, max_attempts = -1`;
const LEASED = `UPDATE ${table.name} SET is_leased = true, lease_deadline = now() + interval '1 min'`;
const UNLEASED = `UPDATE ${table.name} SET is_leased = false, lease_deadline = NULL`;
const MOVING = `UPDATE ${table.name} SET expire_deadline = ${movingDeadline()}`;
const MARKED = `UPDATE ${table.name} SET expire_deadline = ${MOVED_DEADLINE}`;
const late = (column: string) => `UPDATE ${table.name} SET ${column} = ${column} - interval '1 day'`;
const ANALYZE = `ANALYZE ${table.name}`;
/** Half of the keys have ended. */
const FILL_KEYS = `
  INSERT INTO ${table.keysName} (key, first_number, random_ends, ends_at)
  SELECT 'key ' || n, n, 'abcdefghij', now() + (n - ${ITEMS / 2}) * interval '1 s'
  FROM generate_series(1, ${ITEMS}) AS n`;

const STATES: Readonly<Record<string, readonly string[]>> = {
  empty: [],
  full: [fill('false', 'false')],
  'mostly leased': [fill(`n <= ${ITEMS - 500}`, 'false')],
  'all leased': [fill('true', 'false')],
  'mostly scheduled': [fill('false', `n <= ${ITEMS - 500}`)],
  'all leases overdue': [fill('true', 'false'), late('lease_deadline')],
  'all expired': [fill('false', 'false'), late('expire_deadline')],
  'all due': [fill('false', 'true'), late('enqueue_at')],
  'full, analyzed when empty': [ANALYZE, fill('false', 'false')],
  'full, analyzed when all were leased': [fill('true', 'false'), ANALYZE, UNLEASED],
  'all leased, analyzed when all waited': [fill('false', 'false'), ANALYZE, LEASED],
  'all prepared letters': [fill('true', 'false'), LETTERS],
  'all marked as moved': [fill('true', 'false'), MOVING, MARKED],
  'all prepared letters, analyzed when no item was a letter': [fill('true', 'false'), ANALYZE, LETTERS],
  'all prepared letters, analyzed when they waited': [fill('false', 'false'), LETTERS, ANALYZE, LEASED],
  'full of letters, analyzed when all were prepared': [fill('true', 'false'), LETTERS, ANALYZE, UNLEASED],
  'all moving, analyzed when all were leased': [fill('true', 'false'), ANALYZE, MOVING],
};

describe('query plans', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    const settings = parseConnectionString(database.connectionString);
    // The settings of our sessions. Only filling the tables takes longer.
    client = new pg.Client(sessionOptions(settings, { ...DEFAULT_TIME_LIMITS, statementMs: 60_000 }));
    await client.connect();
    await client.query('CREATE SEQUENCE querator_item_id');
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  for (const [state, statements] of Object.entries(STATES)) {
    for (const analyzed of state.includes('analyzed') ? [false] : [false, true]) {
      test(`on a table that is ${state}${analyzed ? ', after ANALYZE' : ''}`, async () => {
        await client.query(`DROP TABLE IF EXISTS ${table.name}`);
        for (const text of renderTable(itemsTable(KEY.queue, KEY.partition))) await client.query(text);
        await client.query(`DROP TABLE IF EXISTS ${table.keysName}`);
        for (const text of renderTable(keysTable(KEY.queue, KEY.partition))) await client.query(text);
        for (const name of [table.name, table.keysName])
          await client.query(`ALTER TABLE ${name} SET (autovacuum_enabled = false)`);
        for (const text of statements) await client.query(text);
        if (state !== 'empty') await client.query(FILL_KEYS);
        if (analyzed) await client.query(`${ANALYZE}, ${table.keysName}`);
        expect(await faultsIn(client)).toEqual([]);
      });
    }
  }
});

async function faultsIn(client: pg.Client): Promise<readonly string[]> {
  const faults: string[] = [];
  const seen = new Set<string>();
  const server = await client.query('SHOW server_version_num');
  const version = Number(server.rows[0].server_version_num);
  const { rows } = await client.query(`SELECT id FROM ${table.name} ORDER BY id OFFSET 5000 LIMIT 1000`);
  const known = rows.map((row) => row.id as string);
  for (const size of BATCHES) {
    const ids = known.length > 0 ? known.slice(0, size) : ['unknown'];
    // They differ from others in no index, so one size is enough.
    const tables = { plain: table, detailed: size === 1 ? undefined : detailed };
    for (const statement of await statementsOfEveryOperation(client, tables, ids)) {
      seen.add(operationOf(statement.name));
      for (const mode of ['custom', 'generic'] as const) {
        const plan = await explain(client, statement, mode);
        const fault = faultOf(operationOf(statement.name), plan, version);
        if (fault !== undefined) faults.push(`${statement.name} (${mode}, ${size}): ${fault}\n${draw(plan)}`);
      }
    }
  }
  // Only sent if there are too many scheduled items to sort.
  const always = Object.keys(INDEXES).filter((name) => !/^list_scheduled/.test(name) || seen.has(name));
  expect([...seen].sort()).toEqual(always.sort());
  return faults;
}

/** @param name a transfer has none, because it is not prepared. */
function operationOf(name = 'transfer'): string {
  return name.replace(`_${partitionLabel(KEY)}`, '');
}

function faultOf(operation: string, plan: PlanNode, version: number): string | undefined {
  const allowed = INDEXES[operation];
  if (allowed === undefined) return 'a statement this test knows nothing of';
  for (const step of stepsOf(plan)) {
    const kind = step['Node Type'];
    if (kind === 'Seq Scan' || kind === 'Bitmap Heap Scan') return `has a ${kind}`;
    if (kind === 'Sort' && stepsOf(step).some(readsTable) && !mustSort(operation, version)) {
      return 'sorts rows of the table';
    }
    const index = step['Index Name'];
    if (index === undefined) continue;
    if (!allowed.some((end) => index.endsWith(`_${end}`))) return `reads ${index}`;
    // Other statements read from the front, as far as they need. These read given
    // keys, or from a given key on.
    const isKey = index.endsWith('_pkey') || index.endsWith('_src');
    if (isKey && step['Index Cond'] === undefined) return `reads all of ${index}`;
  }
  return undefined;
}

/**
 * Sweeps need items with the same deadline in the order of ids. An incremental sort
 * handles one deadline after the other, and stops at the limit. PostgreSQL 12 has
 * none, and sorts everything that is due.
 */
function mustSort(operation: string, version: number): boolean {
  return version < 130_000 && /^sweep_(scheduled|leases)/.test(operation);
}

function readsTable(step: PlanNode): boolean {
  return step['Index Name'] !== undefined;
}
