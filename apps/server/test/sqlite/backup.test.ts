import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { programEnvironment, runProgram, ServerProcess, SOURCE_FLAGS } from '@querator/tooling-processes';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Terminal } from '../cli/support/terminal.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

describe('querator backup', { timeout: 120_000 }, () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'querator-backup-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const sqlite = (name: string, path: string) => ({
    name,
    driver: 'sqlite',
    config: { path: join(folder, path) },
  });
  function configFile(...storages: readonly object[]): string {
    const file = join(folder, 'querator.yaml');
    writeFileSync(file, JSON.stringify({ 'partition-storage': storages }));
    return file;
  }
  async function serve(path: string): Promise<ServerProcess> {
    const server = await ServerProcess.start({ storage: join(folder, path) });
    onTestFinished(async () => {
      await server.stop();
    });
    return server;
  }
  const backUp = (...args: readonly string[]) =>
    runProgram(process.execPath, [...SOURCE_FLAGS, MAIN, 'backup', ...args], { env: programEnvironment() });

  /** All payloads of the queue, as texts. */
  async function consume(server: ServerProcess): Promise<string[]> {
    const texts: string[] = [];
    for (;;) {
      // A server that has just started may be slow. An empty queue is waited for once.
      const request_timeout = texts.length === 0 ? '30s' : '3s';
      const call = { queue_name: 'mail', client_id: 'me', batch_size: 1_000, request_timeout };
      const { status, json } = await server.post('queue.lease', call);
      if (status !== 200) return texts;
      for (const { bytes } of json.items) texts.push(Buffer.from(bytes, 'base64').toString());
    }
  }

  test('leaves nothing behind when a signal ends it', async () => {
    const server = await serve('queues.db');
    await server.createQueue('mail');
    await server.stop();
    // Nobody can read the file, so that the command waits.
    const lock = new DatabaseSync(join(folder, 'queues.db'));
    onTestFinished(() => lock.close());
    lock.exec('pragma locking_mode = exclusive; begin exclusive');
    const copy = join(folder, 'copy.db');
    const config = configFile(sqlite('main', 'queues.db'));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const child = spawn(process.execPath, [...SOURCE_FLAGS, MAIN, 'backup', copy, '--config', config], {
        env: programEnvironment(),
        stdio: 'ignore',
      });
      const ended = once(child, 'exit');
      await expect.poll(() => existsSync(`${copy}.partial-owner`), { timeout: 60_000 }).toBe(true);
      child.kill(signal);
      expect(await ended).toEqual([null, signal]);
      expect(readdirSync(folder).filter((name) => name.startsWith('copy'))).toEqual([]);
    }
  });

  test('restores what was acknowledged before the command, with whole requests, taken under load', async () => {
    const server = await serve('queues.db');
    await server.createQueue('mail');
    let produced = 0;
    let isBackingUp = true;
    const acknowledged: number[] = [];
    const produceSome = async () => {
      while (isBackingUp) {
        const request = produced++;
        const items = [0, 1, 2].map((part) => ({ utf8: `${request}/${part}` }));
        await server.ask('queue.produce', { queue_name: 'mail', request_timeout: '10s', items });
        acknowledged.push(request);
      }
    };
    const load = [produceSome(), produceSome(), produceSome()];
    await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(100);
    const before = [...acknowledged];
    const copy = join(folder, 'copy.db');
    const { code, stdout, output } = await backUp(copy, '--config', configFile(sqlite('disk', 'queues.db')));
    isBackingUp = false;
    await Promise.all(load);
    expect(acknowledged.length).toBeGreaterThan(before.length);
    expect([code, stdout]).toEqual([0, '']);
    expect(output).toMatch(/^Successfully copied storage 'disk' to '.*copy\.db' \(\d+ bytes\)\n$/);

    const restored = await consume(await serve('copy.db'));
    const requests = new Set(restored.map((text) => Number(text.split('/')[0])));
    expect(before.filter((request) => !requests.has(request))).toEqual([]);
    expect(restored).toHaveLength(3 * requests.size);
    expect(new Set(restored).size).toBe(restored.length);
  });

  test('copies a file that several storages share, and that no server uses', async () => {
    const server = await serve('queues.db');
    await server.createQueue('mail');
    await server.stop();
    const config = configFile(sqlite('one', 'queues.db'), sqlite('two', 'queues.db'));
    const { stderr, code } = await new Terminal(fetch).run(['backup', join(folder, 'copy.db')], {
      env: { QUERATOR_CONFIG: config },
    });
    expect(stderr).toContain("Successfully copied storage 'one' and 'two'");
    expect(code).toBe(0);
    const restored = await serve('copy.db');
    expect((await restored.ask('queues.info', { queue_name: 'mail' }))['queue_name']).toBe('mail');
  });

  test.each([
    ['copy.db', [], 'required: --config or QUERATOR_CONFIG'],
    ['copy.db', ['postgres'], "the driver 'postgres' makes no backup; use the programs of its database"],
    ['copy.db', ['one', 'two'], "there are several files, those of 'one', 'two'; name one with --storage"],
    ['copy.db --storage other', ['one'], "the config file has no storage 'other'; it has 'one'"],
    ['copy.db --storage two', ['one', 'two'], "queues-two.db': it is missing"],
    ['querator.yaml --storage one', ['one', 'two'], 'it exists already, and a backup overwrites nothing'],
  ])('refuses %s with the storages %s', async (args, storages, message) => {
    const all = storages.map((name) =>
      name === 'postgres'
        ? { name, driver: name, config: { 'connection-string': 'postgres://localhost/none' } }
        : sqlite(name, `queues-${name}.db`),
    );
    writeFileSync(join(folder, 'queues-one.db'), '');
    const env: Record<string, string> = all.length === 0 ? {} : { QUERATOR_CONFIG: configFile(...all) };
    const [file = '', ...flags] = args.split(' ');
    const { code, stderr, stdout } = await new Terminal(fetch).run(['backup', join(folder, file), ...flags], {
      env,
    });
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
  });
});
