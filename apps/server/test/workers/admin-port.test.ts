import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { freePorts } from '@querator/tooling-processes';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PROCESS_PATIENCE, ServerProgram } from '../support/server-program.ts';

describe('the port for operators, with --workers', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let folder: string;
  let program: ServerProgram;
  let url: string;
  let adminUrl: string;

  beforeEach(async () => {
    database = await createTestDatabase();
    folder = await mkdtemp(join(tmpdir(), 'querator-admin-'));
    const [port, adminPort] = await freePorts(2);
    url = `http://127.0.0.1:${port}`;
    adminUrl = `http://127.0.0.1:${adminPort}`;
    const config = { 'connection-string': database.connectionString, 'max-conns': 2 };
    const file = join(folder, 'querator.yaml');
    await writeFile(
      file,
      JSON.stringify({
        ...{ address: `127.0.0.1:${port}`, 'admin-address': `127.0.0.1:${adminPort}` },
        logging: { handler: 'json' },
        'partition-storage': [{ name: 'pg', driver: 'postgres', config }],
      }),
    );
    program = new ServerProgram(['--config', file, '--workers', '2']);
    await program.untilLogged('worker listens', 2);
  });
  afterEach(async () => {
    program.child.kill('SIGTERM');
    await program.ended();
    await rm(folder, { recursive: true });
    await database.drop();
  });

  const statusOf = async (page: string) =>
    (await fetch(page, { signal: AbortSignal.timeout(10_000) })).status;

  test('every worker listens on both, and metrics are those of all', async () => {
    expect(await statusOf(`${adminUrl}/livez`)).toBe(200);
    expect(await statusOf(`${url}/livez`)).toBe(400);
    const text = await (await fetch(`${adminUrl}/metrics`)).text();
    expect(new Set(text.match(/worker="\d"/g))).toEqual(new Set(['worker="1"', 'worker="2"']));
  });

  test('/readyz answers for all of them', async () => {
    expect(await statusOf(`${adminUrl}/readyz`)).toBe(200);
    const [pid] = [...program.output.matchAll(/"pid":(\d+),"message":"worker listens"/g)].map(([, id]) =>
      Number(id),
    );
    process.kill(pid as number, 'SIGSTOP');
    // A connection to the stopped worker gets no answer, and the next one may go to the other.
    await vi.waitFor(async () => expect(await statusOf(`${adminUrl}/readyz`)).toBe(503), {
      ...PROCESS_PATIENCE,
      timeout: 60_000,
    });
    process.kill(pid as number, 'SIGCONT');
    await vi.waitFor(async () => expect(await statusOf(`${adminUrl}/readyz`)).toBe(200), PROCESS_PATIENCE);
  });
});
