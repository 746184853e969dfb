import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, programEnvironment, serverConfig } from '@querator/tooling-processes';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PROCESS_PATIENCE, ServerProgram } from '../support/server-program.ts';

let folder: string;
const ends: (() => unknown)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'querator-log-'));
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await rm(folder, { recursive: true });
});

interface Line {
  readonly level: string;
  readonly message: string;
  readonly repeated?: number;
  readonly [field: string]: unknown;
}

function linesOf(output: string): Line[] {
  const whole = output.split('\n').slice(0, -1);
  return whole.map((line) => JSON.parse(line) as Line);
}

test('a thousand requests that a database refuses are a few log lines, and all of them are counted', async () => {
  const [port, nobody] = [await freePort(), await freePort()];
  const file = join(folder, 'server.yaml');
  await writeFile(file, serverConfig({ storage: `postgres://user:hush@127.0.0.1:${nobody}/db`, port }));
  const server = new ServerProgram(['--config', file]);
  ends.push(() => server.child.kill('SIGKILL'));
  await server.untilLogged('HTTP server started');
  const before = server.output.length;
  const ask = async (n: number) => {
    const body = JSON.stringify({ queue_name: `q${n}` });
    const headers = { 'Content-Type': 'application/json' };
    return (await fetch(`http://127.0.0.1:${port}/v1/queue.stats`, { method: 'POST', headers, body })).status;
  };
  for (let n = 0; n < 1_000; n += 50) {
    const statuses = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(n + i)));
    expect(new Set(statuses)).toEqual(new Set([454]));
  }
  server.child.kill('SIGTERM');
  expect(await server.ended()).toBe(0);
  const log = server.output.slice(before);
  const refused = linesOf(log).filter(({ message }) => message === 'storage refused a request');
  expect(refused.reduce((sum, { repeated = 1 }) => sum + repeated, 0)).toBe(1_000);
  expect(refused[0]?.['err']).toEqual({
    ...{ type: 'StorageError', outcome: 'not-applied' },
    message: `storage 'queue-storage': connect ECONNREFUSED 127.0.0.1:${nobody}`,
    cause: expect.objectContaining({ code: 'ECONNREFUSED' }),
  });
  expect(log.length).toBeLessThan(100_000);
  expect(server.output).not.toContain('hush');
}, 60_000);

test('a process with few descriptors warns at its start and when they run out, and serves its clients', async () => {
  const port = await freePort();
  const file = join(folder, 'server.yaml');
  await writeFile(file, JSON.stringify({ address: `127.0.0.1:${port}`, logging: { handler: 'json' } }));
  const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
  const command = [process.execPath, '--conditions=@querator/source', main, 'server', '--config', file];
  const child = spawn('sh', ['-c', 'ulimit -n 150 && exec "$@"', 'sh', ...command], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: programEnvironment(),
  });
  ends.push(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const untilLogged = (words: string) => vi.waitFor(() => expect(output).toContain(words), PROCESS_PATIENCE);
  await untilLogged('HTTP server started');
  expect(linesOf(output)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ level: 'info', message: 'limits of this process', openFiles: 150 }),
      expect.objectContaining({ level: 'warn', openFiles: 150, needed: 1_064, connections: 86 }),
    ]),
  );

  const sockets: Socket[] = [];
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  const first = connect(port, '127.0.0.1');
  sockets.push(first);
  await once(first, 'connect');
  for (let n = 0; n < 150; n++) sockets.push(connect(port, '127.0.0.1').on('error', () => {}));
  await untilLogged('a connection was closed: the process has no file descriptor for it');
  first.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const [reply] = (await once(first, 'data')) as [Buffer];
  expect(reply.toString()).toContain('HTTP/1.1 200');
}, 60_000);
