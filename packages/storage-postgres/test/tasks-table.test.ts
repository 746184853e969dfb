import { milliseconds, type NewTask, TASK_RECORDS_MAX, TASKS_RUNNING_MAX } from '@querator/core';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testBackend } from './support/test-backend.ts';

const CLAIM = { owner: 'a', kinds: [{ kind: 'k', version: 1 }], timeout: milliseconds(5_000) };

function newTask(id: string): NewTask {
  return {
    ...{ id, kind: 'k', version: 1, parameters: null, queue: '', namespace: '_system' },
    ...{ exclusive: undefined, needs: [], createdBy: 'a', rate: undefined, dryRun: false },
  };
}

/** Copies the task `first` to `count` others. @param endedAt SQL for the number `n`. */
const copies = (count: number, state: 'running' | 'done', endedAt = 'NULL') => `
  INSERT INTO querator_tasks (id, kind, version, queue, namespace, state, about, matched, done, failed, faults,
    created_at, ended_at, resume_at, waits_since, generation)
  SELECT 'copy-' || n, kind, version, queue, namespace, '${state}', about, 0, 0, 0, 0,
    created_at, ${endedAt}, resume_at, waits_since, 0
  FROM querator_tasks AS task, generate_series(1, ${count}) AS n WHERE id = 'first'`;

let database: TestDatabase;
let admin: pg.Client;
let backend: ReturnType<typeof testBackend>;
beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client(database.connectionString);
  await admin.connect();
  backend = testBackend(database.connectionString, { maxConns: 2 });
});
afterAll(async () => {
  await backend.close();
  await admin.end();
  await database.drop();
});

async function exists(): Promise<boolean> {
  const { rows } = await admin.query(`SELECT to_regclass('querator_tasks') IS NOT NULL AS exists`);
  return rows[0].exists;
}

test('the table is created with the first task, and again after it was dropped', async () => {
  const store = backend.taskStore();
  expect(await store.claim(CLAIM)).toBeUndefined();
  expect(await store.get('a')).toBeUndefined();
  expect(await exists()).toBe(false);
  await store.create(newTask('first'));
  expect(await exists()).toBe(true);
  await admin.query('DROP TABLE querator_tasks');
  expect(await store.claim(CLAIM)).toBeUndefined();
  await store.create(newTask('first'));
});

test('1,000 tasks run at most', async () => {
  const store = backend.taskStore();
  await admin.query(copies(TASKS_RUNNING_MAX - 2, 'running'));
  await store.create(newTask('last'));
  await expect(store.create(newTask('more'))).rejects.toMatchObject({ code: 'retry', reason: 'over_limit' });
  // A repeated creation is none.
  expect(await store.create(newTask('last'))).toMatchObject({ id: 'last' });
  await admin.query(`DELETE FROM querator_tasks WHERE id <> 'first'`);
});

test('the last 10,000 ended tasks are kept', async () => {
  const store = backend.taskStore();
  const endedAt = `now() - interval '1 hour' + n * interval '1 millisecond'`;
  await admin.query(copies(TASK_RECORDS_MAX + 5, 'done', endedAt));
  await store.create(newTask('last'));
  const { rows } = await admin.query(`
    SELECT count(*)::int AS count, min(substr(id, 6)::int) AS first FROM querator_tasks WHERE id LIKE 'copy-%'`);
  expect(rows).toEqual([{ count: TASK_RECORDS_MAX, first: 6 }]);
});

test('a look for a task goes through its index, however many have ended', async () => {
  await admin.query('ANALYZE querator_tasks');
  const { rows } = await admin.query(`
    EXPLAIN SELECT id FROM querator_tasks WHERE state = 'running' AND resume_at <= now()
    ORDER BY waits_since, id LIMIT 1 FOR UPDATE SKIP LOCKED`);
  expect(JSON.stringify(rows)).toContain('querator_tasks_running');
});
