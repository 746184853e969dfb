import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningServer } from '../../src/index.ts';
import { Application, Caller } from './support/outbox-fixture.ts';

let application: Application;
let storage: TestDatabase;
let server: RunningServer;
let caller: Caller;
beforeAll(async () => {
  [application, storage] = await Promise.all([Application.create(), createTestDatabase()]);
  server = await application.start({ storage: storage.connectionString });
  caller = new Caller(server);
});
afterAll(async () => {
  await server?.stop();
  await Promise.all([application.drop(), storage.drop()]);
});

async function get(path: string): Promise<Response> {
  return fetch(`${server.url}${path}`);
}

test('rows become items in order, with all that they have, and leave the outbox', async () => {
  await caller.create('plain');
  await application.enqueue('plain', '1', '2');
  await application.client.query(
    `SELECT querator_outbox.enqueue('plain', '3', 'text/plain', 'greeting', 'ann', metadata => '{"a":"b"}')`,
  );
  const leased: object[] = [];
  while (leased.length < 3) {
    const request = { queueName: 'plain', clientId: 'c', batchSize: 3, requestTimeout: '10s' };
    leased.push(...(await caller.client.v2.queue.lease(request)).items);
  }
  const bytes = (text: string) => Buffer.from(text);
  expect(leased).toMatchObject([
    { bytes: bytes('1'), kind: '', metadata: new Map() },
    { bytes: bytes('2') },
    {
      bytes: bytes('3'),
      encoding: 'text/plain',
      kind: 'greeting',
      reference: 'ann',
      metadata: new Map([['a', 'b']]),
    },
  ]);
  await expect.poll(() => application.rows()).toBe(0);
  expect(await caller.held('plain')).toBe(3);
});

test('a transaction that rolls back leaves nothing, and one that commits late holds nothing up', async () => {
  await caller.create('late');
  const other = await Application.connect(application);
  await other.query('BEGIN');
  await other.query(`SELECT querator_outbox.enqueue('late', 'late')`);
  await application.client.query('BEGIN');
  await application.enqueue('late', 'undone');
  await application.client.query('ROLLBACK');
  await application.enqueue('late', 'soon');
  expect(await caller.texts('late', 1)).toEqual(['soon']);
  await other.query('COMMIT');
  expect(await caller.texts('late', 1)).toEqual(['late']);
  expect(await caller.held('late')).toBe(2);
  await other.end();
});

test('rows without a queue wait, are marked and shown, and hold up no other queue', async () => {
  await caller.create('there');
  const [row] = await application.enqueue('missing', '1');
  await expect.poll(() => application.faults()).toHaveLength(1);
  expect(await application.faults()).toMatchObject([
    {
      queue: 'missing',
      row_id: row,
      code: 'no_such_queue',
      reason: expect.stringContaining('does not exist'),
    },
  ]);
  await application.enqueue('there', '1');
  expect(await caller.texts('there', 1)).toEqual(['1']);

  const { checks } = (await (await get('/health')).json()) as { checks: Record<string, object[]> };
  expect(checks['outbox:relay']).toEqual([
    {
      ...{ componentType: 'system', status: 'warn', observedValue: 1, observedUnit: 'queues' },
      output: expect.stringMatching(/^rows of outbox '.*' cannot go to 'missing' \(no_such_queue\)$/),
      time: expect.any(String),
    },
  ]);
  const metrics = await (await get('/metrics')).text();
  expect(metrics).toMatch(/^querator_outbox_faulty_queues\{outbox=".*\.querator_outbox"\} 1$/m);
  expect(metrics).toMatch(/^querator_outbox_held\{outbox=".*"\} 1$/m);
  expect(metrics).toMatch(/^querator_outbox_rows_total\{outbox=".*"\} [1-9]/m);

  await caller.create('missing');
  expect(await caller.texts('missing', 1)).toEqual(['1']);
  await expect.poll(() => application.faults()).toEqual([]);
  await expect
    .poll(
      async () =>
        ((await (await get('/health')).json()) as { checks: Record<string, object[]> }).checks[
          'outbox:relay'
        ],
    )
    .toMatchObject([{ status: 'pass' }]);
});

test('rows wait while their queue is paused', async () => {
  await caller.create('paused');
  await caller.client.v2.queues.pause({ queueName: 'paused', produce: true, lease: false });
  await application.enqueue('paused', '1');
  await expect.poll(() => application.faults()).toMatchObject([{ queue: 'paused', code: 'queue_paused' }]);
  await caller.client.v2.queues.resume({ queueName: 'paused', produce: true, lease: false });
  expect(await caller.texts('paused', 1)).toEqual(['1']);
});

test('a row that is wrong by itself lets the rows before it go, and waits for an operator', async () => {
  await caller.create('poisoned');
  const raw = `INSERT INTO querator_outbox.outbox (queue, payload, metadata) VALUES
    ('poisoned', 'good', '{"a":"b"}'), ('poisoned', 'bad', '{"a":1}'), ('poisoned', 'behind', NULL) RETURNING id`;
  const { rows } = await application.client.query(raw);
  expect(await caller.texts('poisoned', 1)).toEqual(['good']);
  await expect
    .poll(() => application.faults())
    .toMatchObject([
      {
        queue: 'poisoned',
        row_id: rows[1].id,
        code: 'invalid',
        reason: 'metadata is invalid; a value must be a text',
      },
    ]);
  await application.client.query('DELETE FROM querator_outbox.outbox WHERE id = $1', [rows[1].id]);
  expect(await caller.texts('poisoned', 1)).toEqual(['behind']);
});

test('many rows of several queues all arrive once, in order', async () => {
  const queues = ['many-1', 'many-2', 'many-3'];
  for (const queue of queues) await caller.create(queue);
  const all = Array.from({ length: 2_500 }, (_, n) => String(n));
  await application.client.query('BEGIN');
  for (let from = 0; from < all.length; from += 500) {
    for (const queue of queues) await application.enqueue(queue, ...all.slice(from, from + 500));
  }
  await application.client.query('COMMIT');
  for (const queue of queues) {
    expect(await caller.texts(queue, all.length)).toEqual(all);
    expect(await caller.held(queue)).toBe(all.length);
  }
  await expect.poll(() => application.rows()).toBe(0);
});
