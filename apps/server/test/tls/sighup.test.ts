import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase } from '@querator/tooling-postgres';
import { freePort } from '@querator/tooling-processes';
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

  test('a broken pair keeps the old one, and is named', async () => {
    await configure({});
    const running = await start();
    await files.replace(files.key, 'nonsense');
    running.child.kill('SIGHUP');
    await running.untilLogged('the configuration cannot be reloaded');
    expect(running.output).toMatch(/tls\.key: the file .*server\.key holds no private key in PEM/);
    expect(await shownName()).toBe('first');
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
