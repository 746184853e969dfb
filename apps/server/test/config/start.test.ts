import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { freePort } from '@querator/tooling-processes';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ServerProgram } from '../support/server-program.ts';

let folder: string;
const programs: ServerProgram[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'querator-start-'));
});
afterEach(async () => {
  await endAll();
  rmSync(folder, { recursive: true });
});

async function endAll(): Promise<void> {
  for (const program of programs.splice(0)) {
    program.child.kill('SIGTERM');
    await program.ended();
  }
}

function start(args: readonly string[], env: Record<string, string> = {}): ServerProgram {
  const program = new ServerProgram(args, undefined, env);
  programs.push(program);
  return program;
}

describe('a named configuration file that cannot be read prevents the start', { timeout: 60_000 }, () => {
  const file = () => join(folder, 'querator.yaml');

  test.each([
    ['is missing', () => {}, 'no such file or directory'],
    ['is a folder', () => mkdirSync(file()), 'is a directory'],
    ['is a link to nothing', () => symlinkSync(join(folder, 'gone'), file()), 'no such file or directory'],
    ['is a link to itself', () => symlinkSync(file(), file()), 'too many symbolic links'],
    ['is empty', () => writeFileSync(file(), ''), 'EOF'],
    ['holds comments only', () => writeFileSync(file(), '# address: x:1\n'), 'EOF'],
    ['is no text', () => writeFileSync(file(), Buffer.from([0xff, 0xfe, 0, 1])), 'is not UTF-8'],
  ])('it %s', async (_, make, reason) => {
    make();
    const byFlag = start(['--config', file()]);
    const byVariable = start([], { QUERATOR_CONFIG: file() });
    const withWorkers = start(['--config', file(), '--workers', '2']);
    for (const program of [byFlag, byVariable, withWorkers]) {
      expect(await program.ended(), program.output).toBe(1);
      expect(program.output).toMatch(/^Error: while (opening|reading) config file: /m);
      expect(program.output).toContain(reason);
      expect(program.output).not.toContain('HTTP server started');
    }
  });
});

test('a server with everything in memory logs a warning', { timeout: 60_000 }, async () => {
  const file = join(folder, 'memory.yaml');
  writeFileSync(file, 'queue-storage: { driver: memory }\n');
  for (const args of [[], ['--config', file]]) {
    const program = start([...args, '--address', '127.0.0.1:0']);
    await program.untilLogged('HTTP server started');
    expect(program.output).toMatch(/WARN.*everything is in memory: queues and items are gone/);
  }
});

describe('the configuration of the requirement, without queue-storage', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await endAll();
    await database.drop();
  });

  function configOn(port: number, connectionString: string): string {
    const file = join(folder, `${port}.yaml`);
    const storage = { driver: 'postgres', config: { 'connection-string': connectionString } };
    writeFileSync(
      file,
      JSON.stringify({
        ...{ address: `127.0.0.1:${port}`, logging: { handler: 'json' } },
        'partition-storage': [{ name: 'postgres-01', ...storage }],
      }),
    );
    return file;
  }

  async function serve(connectionString = database.connectionString) {
    const port = await freePort();
    const program = start(['--config', configOn(port, connectionString)]);
    await program.untilLogged('HTTP server started');
    const post = async (path: string, body: object) => {
      const reply = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { status: reply.status, text: await reply.text() };
    };
    return {
      program,
      create: () =>
        post('/v1/queues.create', {
          ...{ queue_name: 'q', lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 },
        }),
      produce: () =>
        post('/v1/queue.produce', {
          ...{ queue_name: 'q', request_timeout: '20s', items: [{ utf8: 'kept' }] },
        }),
      lease: () =>
        post('/v1/queue.lease', {
          ...{ queue_name: 'q', request_timeout: '20s', client_id: 'c', batch_size: 1 },
        }),
    };
  }

  test('keeps the queues in the storage of the items: they exist after a restart, and in a second server', async () => {
    const first = await serve();
    expect(first.program.output).toContain('queues are kept in the first durable partition storage');
    expect(first.program.output).not.toContain('in memory');
    expect((await first.create()).status).toBe(200);
    expect((await first.produce()).status).toBe(200);
    const second = await serve();
    expect((await second.create()).text).toContain("'q' already exists");
    expect((await second.produce()).status).toBe(200);
    first.program.child.kill('SIGTERM');
    expect(await first.program.ended()).toBe(0);
    const again = await serve();
    for (const server of [again, second]) {
      const { status, text } = await server.lease();
      expect([status, text]).toEqual([200, expect.stringContaining('a2VwdA==')]);
    }
    const client = new pg.Client(database.connectionString);
    await client.connect();
    expect((await client.query('SELECT name FROM querator_queues')).rows).toEqual([{ name: 'q' }]);
    await client.end();
  });
});
