import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { itemsTableName } from '@querator/storage-postgres';
import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';
import { Terminal } from './support/terminal.ts';

const TABLE = itemsTableName({ queue: 'mail', partition: 0 });

describe('querator storage', { timeout: 60_000 }, () => {
  let database: TestDatabase;
  let client: pg.Client;
  let folder: string;
  let server: RunningServer | undefined;
  const terminal = new Terminal(fetch);

  beforeEach(async () => {
    database = await createTestDatabase();
    client = new pg.Client(database.connectionString);
    await client.connect();
    folder = mkdtempSync(join(tmpdir(), 'querator-storage-'));
  });
  afterEach(async () => {
    await server?.stop();
    server = undefined;
    await client.end();
    await database.drop();
    rmSync(folder, { recursive: true });
  });

  const storage = (name: string) => ({
    ...{
      name,
      driver: 'postgres',
      config: { 'connection-string': database.connectionString, 'max-conns': 4 },
    },
  });
  function configFile(names: readonly string[] = ['postgres-01']): string {
    const file = join(folder, 'querator.yaml');
    const config = { address: '127.0.0.1:0', 'partition-storage': names.map(storage) };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }
  const run = (line: string, env: Record<string, string> = { QUERATOR_CONFIG: configFile() }) =>
    terminal.run(line.split(' '), { env });

  async function serve() {
    const config = parseConfig(
      JSON.stringify({ address: '127.0.0.1:0', 'partition-storage': [storage('postgres-01')] }),
    );
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    server = await startServer(config, deps);
    const endpoint = { QUERATOR_ENDPOINT: server.url };
    return (line: string) => terminal.run(line.split(' '), { env: endpoint });
  }

  /** A queue with an item whose settings were lost, and a new queue with the same name. */
  async function recreated() {
    const ask = await serve();
    await ask('create mail');
    await ask('produce mail --payload precious');
    await client.query('DELETE FROM querator_queues');
    await server?.stop();
    const again = await serve();
    expect((await again('create mail')).code).toBe(0);
    return again;
  }

  test('a table with items of an earlier queue is refused, listed, adopted, and served without a restart', async () => {
    const ask = await recreated();
    expect((await ask('lease mail --timeout 100ms')).code).toBe(3);
    const { code, stdout, stderr } = await run('storage list');
    expect([code, stderr]).toEqual([0, 'Found 1 table(s) that no queue uses\n']);
    expect(JSON.parse(stdout)).toEqual({
      tables: [
        {
          ...{ storage: 'postgres-01', table: TABLE, state: 'earlier-queue', partition: 0, queue: 'mail' },
          ...{ created_at: expect.stringMatching(/^20\d\d-.*Z$/), items: 1 },
        },
      ],
    });
    expect(await run(`storage adopt ${TABLE}`)).toEqual({
      ...{ code: 0, stdout: '' },
      stderr: `Table '${TABLE}' is now that of queue 'mail' partition 0 (items: 1, of which with a new id: 0)\n`,
    });
    expect((await run(`storage adopt ${TABLE}`)).stderr).toContain('is already that of queue');
    const leased = await ask('lease mail --timeout 20s --jsonl');
    expect([leased.code, leased.stdout]).toEqual([0, expect.stringContaining('cHJlY2lvdXM=')]);
    expect(JSON.parse((await run('storage list')).stdout)).toEqual({ tables: [] });
    expect(JSON.parse((await run('storage list --all')).stdout)).toMatchObject({
      tables: [{ state: 'in-use' }],
    });
  });

  test('a table of an earlier queue is dropped, and the queue starts empty', async () => {
    const ask = await recreated();
    expect(await run(`storage drop ${TABLE} --yes`)).toMatchObject({
      code: 1,
      stderr: `Error: failed to drop table: storage 'postgres-01': table ${TABLE} holds items; --force drops it with all of them\n`,
    });
    expect(await run(`storage drop ${TABLE} --force --yes`)).toEqual({
      ...{ code: 0, stdout: '', stderr: `Successfully dropped table '${TABLE}' (items: 1)\n` },
    });
    expect((await ask('produce mail --payload new --timeout 20s')).code).toBe(0);
    expect((await run(`storage drop ${TABLE} --force --yes`)).stderr).toContain("is in use by queue 'mail'");
    expect((await ask('lease mail --timeout 20s --jsonl')).stdout).toContain('bmV3');
  });

  test.each([
    ['storage list', {}, 'required: --config or QUERATOR_CONFIG'],
    ['storage list --config /nope.yaml', {}, 'open /nope.yaml: no such file or directory'],
    ['storage', {}, 'Usage: querator storage'],
    ['storage adopt', {}, "missing required argument 'table'"],
    ['storage empty', {}, "unknown command 'empty'"],
  ])('%s without further arguments is refused', async (line, env, reason) => {
    const { code, stdout, stderr } = await run(line, env);
    expect([code, stdout]).toEqual([line.includes('/nope') ? 1 : 2, '']);
    expect(stderr).toContain(reason);
  });

  test('requires --storage if there are several storages', async () => {
    const env = { QUERATOR_CONFIG: configFile(['one', 'two']) };
    expect((await run(`storage drop ${TABLE} --yes`, env)).stderr).toContain(
      "there are several storages, 'one', 'two'; name one with --storage",
    );
    expect((await run(`storage drop ${TABLE} --storage three --yes`, env)).stderr).toContain(
      "'three' is no partition storage with tables; the config file has 'one', 'two'",
    );
    expect((await run(`storage drop ${TABLE} --storage two --yes`, env)).stderr).toContain(
      `there is no table ${TABLE}`,
    );
    expect((await run('storage list', env)).code).toBe(0);
  });

  test('finds no tables in memory', async () => {
    const file = join(folder, 'memory.yaml');
    writeFileSync(file, 'partition-storage:\n  - name: mem\n    driver: memory\n');
    expect((await run('storage list', { QUERATOR_CONFIG: file })).stderr).toContain(
      'no partition storage of the config file keeps tables',
    );
  });

  test('a second server with its own queues neither sees nor removes the items of the first', async () => {
    const ask = await serve();
    await ask('create mail');
    await ask('produce mail --payload precious');
    const queues = await createTestDatabase();
    const own = { driver: 'postgres', config: { 'connection-string': queues.connectionString } };
    const config = parseConfig(
      JSON.stringify({
        ...{ address: '127.0.0.1:0', 'queue-storage': own, 'partition-storage': [storage('postgres-01')] },
      }),
    );
    const warnings: string[] = [];
    const ignore = () => {};
    const warn = (_: string, fields: object = {}) =>
      void warnings.push(JSON.stringify(fields, (_, v) => (v instanceof Error ? v.message : v)));
    const logger = { debug: ignore, info: ignore, warn, error: warn };
    const second = await startServer(config, {
      clock: new SystemClock(),
      random: new SystemRandom(),
      logger,
    });
    const askSecond = (line: string) =>
      terminal.run(line.split(' '), { env: { QUERATOR_ENDPOINT: second.url } });
    expect((await askSecond('create mail')).code).toBe(0);
    expect((await askSecond('lease mail --timeout 500ms')).code).toBe(3);
    expect((await askSecond('produce mail --payload mine --timeout 500ms')).code).toBe(1);
    expect((await askSecond('delete mail --yes')).code).toBe(0);
    expect(warnings.join('\n')).toContain(`table ${TABLE} holds items of an earlier queue 'mail'`);
    await second.stop();
    await queues.drop();
    expect((await ask('lease mail --timeout 20s --jsonl')).stdout).toContain('cHJlY2lvdXM=');
  });
});
