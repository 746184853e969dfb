import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Cluster, startCluster, startTemporaryCluster } from '@querator/tooling-postgres';
import { programEnvironment } from '@querator/tooling-processes';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PATIENCE = { timeout: 30_000, interval: 50 };

/** The code blocks of a page in one language, in order. */
function fences(page: string, language: string): readonly string[] {
  const text = readFileSync(new URL(`../../../../docs/storage/${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, piece = '']) => piece,
  );
}

/** The steps of docs/storage/postgres-operations.md, run one after the other like an operator does. */
describe('docs/storage/postgres-operations.md', { timeout: 90_000 }, () => {
  const commands = fences('postgres-operations.md', 'bash');
  const sql = fences('postgres-operations.md', 'sql');
  let cluster: Cluster;
  let admin: pg.Client;
  let folder: string;
  let port: number;
  let server: ChildProcess | undefined;

  beforeAll(async () => {
    cluster = await startTemporaryCluster({ volatile: true });
    admin = new pg.Client(cluster.connectionString());
    admin.on('error', () => {});
    await admin.connect();
    folder = mkdtempSync(join(tmpdir(), 'querator-operations-'));
    const program = join(folder, 'querator');
    writeFileSync(
      program,
      `#!/bin/sh\nexec '${process.execPath}' --conditions=@querator/source '${MAIN}' "$@"\n`,
    );
    chmodSync(program, 0o755);
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    port = (probe.address() as { port: number }).port;
    probe.close();
  }, 60_000);
  afterAll(async () => {
    await stopServer();
    await admin?.end();
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const env = () => ({
    ...programEnvironment(),
    PATH: `${folder}:${process.env['PATH']}`,
    QUERATOR_ENDPOINT: `http://127.0.0.1:${port}`,
  });
  /** Runs a command of the page. @returns what it printed. */
  async function run(command: string): Promise<string> {
    const { stdout } = await promisify(execFile)('bash', ['-euc', command], { cwd: folder, env: env() });
    return stdout;
  }

  /** The only command of the page with this beginning. */
  function step(beginning: string): string {
    const found = commands.filter((each) => each.startsWith(beginning));
    expect(found).toHaveLength(1);
    return found[0] ?? '';
  }

  /** The only statement of the page that contains this text, without settings. */
  function statementWith(word: string): string {
    const all = sql.flatMap((piece) => piece.split(';'));
    const found = all.filter((each) => each.includes(word) && !each.includes('ALTER SYSTEM'));
    expect(found).toHaveLength(1);
    return found[0] ?? '';
  }

  async function startServer(command: string): Promise<void> {
    server = spawn('bash', ['-c', `exec ${command}`], { cwd: folder, env: env(), stdio: 'ignore' });
    await vi.waitFor(async () => {
      const { status } = await fetch(`http://127.0.0.1:${port}/health?requireStorage=all`);
      expect(status).toBe(200);
    }, PATIENCE);
  }

  async function stopServer(): Promise<void> {
    if (server === undefined || server.exitCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    server = undefined;
  }

  test('moves from memory to PostgreSQL', async () => {
    await startServer(`querator server --address 127.0.0.1:${port}`);
    await run('querator create orders; querator produce orders --payload last');
    const drained = run(step('until ! querator stats'));
    const done = drained.then(() => 'empty');
    // The command waits as long as the queue holds items.
    expect(await Promise.race([done, run('querator stats orders')])).toContain('"total": 1');
    await run('querator lease orders --jsonl > item.json');
    const { id } = JSON.parse(readFileSync(join(folder, 'item.json'), 'utf8'));
    await run(`querator complete orders -p 0 ${id}`);
    expect(await done).toBe('empty');
    await stopServer();

    const [rights = ''] = fences('postgres.md', 'sql');
    for (const statement of rights.split(';').filter((each) => each.trim() !== '')) {
      await admin.query(statement);
    }
    const [config = '', ...others] = fences('postgres-operations.md', 'yaml');
    expect(others).toEqual([]);
    const here = config.replaceAll('localhost:5432', `127.0.0.1:${cluster.port}`);
    writeFileSync(join(folder, 'querator.yaml'), here.replace('localhost:2319', `127.0.0.1:${port}`));
    await startServer(step('querator server'));
    await run(step('querator produce orders'));
    expect(readFileSync(join(folder, 'item.json'), 'utf8')).toContain(
      Buffer.from('hello').toString('base64'),
    );
    expect(await run('querator stats orders')).not.toContain('"total"');
  });

  test('adds partitions, and a storage that gets all new ones', async () => {
    await run(step('querator create orders-2'));
    await stopServer();
    const config = readFileSync(join(folder, 'querator.yaml'), 'utf8');
    const second = `postgres://querator:secret@127.0.0.1:${cluster.port}/querator?application_name=second`;
    const more = `    affinity: 0
  - name: postgres-02
    driver: postgres
    config: { connection-string: "${second}" }
queues:
`;
    writeFileSync(join(folder, 'querator.yaml'), config.replace('queues:\n', more));
    await startServer(step('querator server'));
    await run('querator create orders-3 --partitions 3');
    await stopServer();
    const database = new pg.Client(cluster.connectionString('querator'));
    await database.connect();
    const { rows } = await database.query(statementWith('querator_queues'));
    const tables = (await database.query(statementWith('n_dead_tup'))).rows;
    expect(tables.length).toBeGreaterThan(0);
    // With all of its contents, whatever other sessions do.
    await database.query(`VACUUM FULL ${tables[0].relname}`);
    await database.end();
    expect(rows.sort((a, b) => (a.storage < b.storage ? -1 : 1))).toEqual([
      { storage: 'postgres-01', queues: ['orders', 'orders-2'], partitions: '5' },
      { storage: 'postgres-02', queues: ['orders-3'], partitions: '3' },
    ]);
  });

  test('shows sizes and settings', async () => {
    const [room] = (await admin.query(statementWith('max_connections'))).rows;
    expect(Number(room.used)).toBeGreaterThan(0);
    expect(Number(room.used)).toBeLessThan(Number(room.available));

    // Without settings on its command line: those would take precedence.
    const plain = await startCluster({ dataDir: join(folder, 'plain') });
    const ask = async (statements: readonly string[]) => {
      const client = new pg.Client(plain.connectionString());
      await client.connect();
      const replies = [];
      for (const statement of statements) replies.push((await client.query(statement)).rows);
      await client.end();
      return replies;
    };
    const settings = sql.find((piece) => piece.startsWith('ALTER SYSTEM'))?.split(';') ?? [];
    expect(settings).toHaveLength(9);
    await ask(settings.filter((each) => each.trim() !== ''));
    const looks = ['pending_restart', 'pg_file_settings'].map(statementWith);
    await vi.waitFor(async () => {
      const [pending, unread] = await ask(looks);
      expect(pending?.map(({ name }) => name)).toEqual(['shared_buffers']);
      expect(unread?.map(({ name }) => name)).toEqual(['shared_buffers']);
    }, PATIENCE);
    await plain.halt();
    await plain.start();
    const settled = await ask([...looks, 'SHOW shared_buffers', 'SHOW autovacuum_naptime']);
    expect(settled).toEqual([[], [], [{ shared_buffers: '1GB' }], [{ autovacuum_naptime: '15s' }]]);
    await plain.stop();
  });

  test('has no command that was not run', () => {
    expect(commands).toHaveLength(4);
    expect(sql.join('').split(';')).toHaveLength(14);
  });
});
