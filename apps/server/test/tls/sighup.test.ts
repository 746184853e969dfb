import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { createTestDatabase } from '@querator/tooling-postgres';
import { freePort, programEnvironment } from '@querator/tooling-processes';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PROCESS_PATIENCE, ServerProgram } from '../support/server-program.ts';
import { callSecurely } from './support/https-call.ts';
import { TlsFolder } from './support/tls-folder.ts';

let folder: string;
let files: TlsFolder;
let program: ServerProgram | undefined;
let port: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'querator-sighup-'));
  files = await TlsFolder.create();
  port = await freePort();
});
afterEach(async () => {
  program?.child.kill('SIGTERM');
  await program?.ended();
  await files.remove();
  await rm(folder, { recursive: true });
});

const configFile = () => join(folder, 'querator.yaml');

async function configure(settings: object): Promise<void> {
  await writeFile(
    configFile(),
    JSON.stringify({
      ...{ address: `127.0.0.1:${port}`, logging: { handler: 'json' }, tls: files.settings },
      ...settings,
    }),
  );
}

async function start(args: readonly string[] = []): Promise<ServerProgram> {
  program = new ServerProgram(['--config', configFile(), ...args]);
  await program.untilLogged('HTTP server started');
  return program;
}

const shownName = async () =>
  (await callSecurely(`https://127.0.0.1:${port}/health`, { ca: files.authority.cert })).commonName;

describe('SIGHUP', { timeout: 120_000 }, () => {
  test('reloads certificates and the log level, and ends nothing', async () => {
    await configure({});
    const running = await start();
    const ca = files.authority.cert;
    const body = { queue_name: 'q', lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };
    await callSecurely(`https://127.0.0.1:${port}/v1/queues.create`, { ca, body });
    const waiting = callSecurely(`https://127.0.0.1:${port}/v1/queue.lease`, {
      ca,
      body: { queue_name: 'q', client_id: 'c', batch_size: 1, request_timeout: '1m' },
    });
    await files.install(await files.issue('second'));
    running.child.kill('SIGHUP');
    await running.untilLogged('reloaded the configuration');
    expect(await shownName()).toBe('second');
    await callSecurely(`https://127.0.0.1:${port}/v1/queue.produce`, {
      ca,
      body: { queue_name: 'q', request_timeout: '10s', items: [{ utf8: 'x' }] },
    });
    expect((await waiting).status).toBe(200);
    expect(running.child.exitCode).toBeNull();
  });

  test('takes the new log level at once', async () => {
    await configure({ logging: { handler: 'json', level: 'error' } });
    program = new ServerProgram(['--config', configFile()]);
    await vi.waitFor(async () => expect(await shownName()).toBe('first'), PROCESS_PATIENCE);
    expect(program.output).toBe('');
    await configure({});
    program.child.kill('SIGHUP');
    await program.untilLogged('reloaded the configuration');
  });

  test('keeps everything when the file is broken, and names what takes a restart', async () => {
    await configure({});
    const running = await start();
    await writeFile(configFile(), 'adress: x\n');
    running.child.kill('SIGHUP');
    await running.untilLogged('the configuration cannot be reloaded');
    expect(running.output).toContain('line 1: adress: unknown key');
    expect(await shownName()).toBe('first');
    await configure({ address: '127.0.0.1:1', queues: [] });
    running.child.kill('SIGHUP');
    await running.untilLogged('changed settings that take effect at the next start only');
    expect(running.output).toContain('"keys":["address"]');
  });

  test('a broken pair keeps the old one, is named, and does not keep the log level from changing', async () => {
    await configure({});
    const running = await start();
    await files.replace(files.key, 'nonsense');
    await configure({ logging: { handler: 'json', level: 'debug' } });
    running.child.kill('SIGHUP');
    await running.untilLogged('reloaded the configuration');
    expect(running.output).toMatch(
      /the file .*server\.key holds no private key in PEM.*old ones stay in use/,
    );
    expect(running.output).toContain('"logLevel":"debug","message":"reloaded the log level"');
    expect(running.output.match(/old ones stay in use/g)).toHaveLength(1);
    expect(await shownName()).toBe('first');
  });

  test('reloads the password of a database', async () => {
    const database = await createTestDatabase();
    const admin = new pg.Client(database.connectionString);
    await admin.connect();
    const role = `${database.name}_rotated`;
    const secret = join(folder, 'uri');
    const setPassword = async (password: string) => {
      const url = new URL(database.connectionString);
      url.username = role;
      url.password = password;
      await writeFile(secret, `${url.href}\n`, { mode: 0o600 });
    };
    try {
      await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'first'`);
      await admin.query(`ALTER DATABASE ${database.name} OWNER TO ${role}`);
      await setPassword('first');
      const config = { 'connection-string': `file:${secret}`, 'max-conns': 2 };
      await configure({ 'partition-storage': [{ name: 'pg', driver: 'postgres', config }] });
      const running = await start();
      const call = (path: string, body: object) =>
        callSecurely(`https://127.0.0.1:${port}${path}`, { ca: files.authority.cert, body });
      const settings = { lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };
      expect((await call('/v1/queues.create', { queue_name: 'q', ...settings })).status).toBe(200);

      await admin.query(`ALTER ROLE ${role} PASSWORD 'second'`);
      await setPassword('second');
      running.child.kill('SIGHUP');
      await running.untilLogged('reloaded the configuration');
      await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [role]);
      const item = { queue_name: 'q', request_timeout: '10s', items: [{ utf8: 'x' }] };
      await expect.poll(async () => (await call('/v1/queue.produce', item)).status).toBe(200);
      expect(running.output).toContain('"storage":"pg","message":"reloaded the password of the database"');
      expect(running.output).not.toContain('at the next start only');
      expect(running.output).not.toContain('second');
      running.child.kill('SIGTERM');
      await running.ended();
    } finally {
      await admin.query(`ALTER DATABASE ${database.name} OWNER TO CURRENT_USER`);
      await admin.query(`DROP OWNED BY ${role} CASCADE`);
      await admin.query(`DROP ROLE ${role}`);
      await admin.end();
      await database.drop();
    }
  });

  test('reaches every worker', async () => {
    const database = await createTestDatabase();
    const config = { 'connection-string': database.connectionString, 'max-conns': 2 };
    await configure({ 'partition-storage': [{ name: 'pg', driver: 'postgres', config }] });
    program = new ServerProgram(['--config', configFile(), '--workers', '2']);
    await program.untilLogged('worker listens', 2);
    await files.install(await files.issue('second'));
    program.child.kill('SIGHUP');
    // Both workers, and the parent.
    await program.untilLogged('reloaded the configuration', 3);
    for (let n = 0; n < 10; n++) expect(await shownName()).toBe('second');
    expect(program.output).not.toContain('a worker died');
    program.child.kill('SIGTERM');
    expect(await program.ended()).toBe(0);
    await database.drop();
  });
});

/** A preload that sends the process SIGHUP when it begins to load the command line. */
const HANG_UP_EARLY = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier.endsWith('/run-cli.ts')) process.kill(process.pid, 'SIGHUP');
      return next(specifier, context);
    },
  });
`)}`;

describe('SIGHUP while the program loads', { timeout: 120_000 }, () => {
  const env = { NODE_OPTIONS: `--import=${HANG_UP_EARLY}` };

  test('does not end a server, which reloads once it runs', async () => {
    await configure({});
    program = new ServerProgram(['--config', configFile()], undefined, env);
    await program.untilLogged('reloaded the configuration');
    expect(await shownName()).toBe('first');
  });

  test('ends other commands', async () => {
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
    const child = spawn(process.execPath, ['--conditions=@querator/source', main, 'produce', 'q'], {
      env: { ...programEnvironment(), ...env },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGHUP');
  });
});
