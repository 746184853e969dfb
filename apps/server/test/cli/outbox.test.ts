import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installSql } from '@querator/outbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Application } from '../outbox/support/outbox-fixture.ts';
import { startInProcess, Terminal } from './support/terminal.ts';

const terminal = new Terminal(startInProcess().fetch);

test('outbox sql prints the SQL of an outbox in the given schema', async () => {
  expect((await terminal.ok('outbox sql')).stdout).toBe(installSql());
  const { stdout } = await terminal.ok('outbox sql --schema shop_outbox');
  expect(stdout).toBe(installSql({ schema: 'shop_outbox' }));
});

test('outbox sql refuses a schema that is no name', async () => {
  const ran = await terminal.run(['outbox', 'sql', '--schema', 'a b']);
  const text =
    "failed to print the SQL: schema is invalid; 'a b' is not 1 to 63 letters, digits and underscores";
  expect(ran).toMatchObject({ code: 1, stdout: '', stderr: `Error: ${text}\n` });
});

let application: Application;
let folder: string;
beforeAll(async () => {
  application = await Application.create();
  folder = mkdtempSync(join(tmpdir(), 'querator-outbox-'));
});
afterAll(async () => {
  await application.drop();
  rmSync(folder, { recursive: true });
});

function run(line: string, schemas: readonly string[] = ['querator_outbox']) {
  const file = join(folder, 'querator.yaml');
  const outbox = schemas.map((schema) => ({
    'connection-string': application.database.connectionString,
    schema,
  }));
  writeFileSync(file, JSON.stringify({ outbox }));
  return terminal.run(line.split(' '), { env: { QUERATOR_CONFIG: file } });
}

/** Marks the first row of a queue as a relay does. */
async function fail(queue: string, row: string | undefined) {
  await application.client.query(
    `INSERT INTO querator_outbox.faults (queue, row_id, code, reason, tries, retry_at)
     VALUES ($1, $2, 'no_such_queue', 'queue does not exist', 3, clock_timestamp() + interval '1 hour')`,
    [queue, row],
  );
}

test('rows that cannot go are listed, retried and dropped', async () => {
  const [first] = await application.enqueue('lost', '1', '2', '3');
  await application.enqueue('moving', '1');
  await fail('lost', first);
  const { stdout, stderr } = await run('outbox list');
  expect(stderr).toBe('Found 2 queue(s) with rows, of which 1 cannot go\n');
  const fault = { row: first, code: 'no_such_queue', reason: 'queue does not exist', tries: 3 };
  expect(JSON.parse(stdout).outboxes).toEqual([
    {
      outbox: expect.stringContaining(`/${application.database.name}.querator_outbox`),
      queues: [
        {
          ...{ queue: 'lost', rows: 3, oldest_seconds: expect.any(Number) },
          fault: { ...fault, retry_in_seconds: expect.any(Number) },
        },
        { queue: 'moving', rows: 1, oldest_seconds: expect.any(Number) },
      ],
    },
  ]);

  expect(await run('outbox retry lost')).toMatchObject({ code: 0 });
  const [marked] = (
    await application.client.query('SELECT retry_at <= now() AS due FROM querator_outbox.faults')
  ).rows;
  expect(marked.due).toBe(true);
  expect(await run('outbox retry moving')).toMatchObject({
    code: 1,
    stderr: "Error: nothing prevents rows from going to queue 'moving'\n",
  });

  expect(await run(`outbox drop lost --row ${first} --yes`)).toMatchObject({
    code: 0,
    stderr: "Successfully dropped 1 row(s) of queue 'lost'\n",
  });
  expect(await application.faults()).toEqual([]);
  expect(await run('outbox drop lost --all --yes')).toMatchObject({ code: 0 });
  expect(await application.rows()).toBe(1);
});

test('rows of a batch are not dropped', async () => {
  const [sent] = await application.enqueue('sent', '1', '2');
  await application.client.query(
    `INSERT INTO querator_outbox.batches (queue, dedup_key, ids, relay) VALUES ('sent', 'key', ARRAY[$1::bigint], 'r')`,
    [sent],
  );
  expect(await run('outbox drop sent --all --yes')).toMatchObject({
    code: 0,
    stderr: "1 row(s) are being sent, and were not dropped\nSuccessfully dropped 1 row(s) of queue 'sent'\n",
  });
  expect(await run(`outbox drop sent --row ${sent} --yes`)).toMatchObject({ code: 3 });
});

test.each([
  ['outbox drop lost', 'required: either --row or --all'],
  ['outbox drop lost --row 1 --all', 'required: either --row or --all'],
  ['outbox drop lost --row x', "--row is invalid; 'x' is no id"],
])('%s says what is missing', async (line, text) => {
  expect(await run(line)).toMatchObject({ code: 2, stderr: `Error: ${text}\n` });
});

test('one of several outboxes has to be named', async () => {
  const both = ['querator_outbox', 'other'];
  const { stderr } = await run('outbox drop lost --all --yes', both);
  expect(stderr).toMatch(
    /^Error: failed to drop rows: there are several outboxes, .*; name one with --outbox\n$/,
  );
  expect((await run('outbox list --outbox .querator_outbox', both)).code).toBe(0);
  expect((await run('outbox list --outbox nothing', both)).stderr).toMatch(
    /no outbox has 'nothing' in its name/,
  );
});
