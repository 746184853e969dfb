import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { programEnvironment } from '@querator/tooling-processes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** A process starts within half a second on an idle machine. */
const TIMEOUT_MS = 30_000;

type Child = ChildProcessByStdio<null, Readable, Readable>;

function querator(...argv: readonly string[]): Child {
  return spawn(process.execPath, ['--conditions=@querator/source', MAIN, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: programEnvironment(),
  });
}

async function ended(child: Child): Promise<{ code: number | null; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** A server that never replies, and reports a request. */
let silent: Server;
let endpoint = '';
const asked = () => once(silent, 'request');

beforeAll(async () => {
  silent = createServer(() => {});
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
});
afterAll(() => {
  silent.closeAllConnections();
  silent.close();
});

describe('the executable', { timeout: TIMEOUT_MS }, () => {
  test('prints its version', async () => {
    expect(await ended(querator('version'))).toEqual({
      code: 0,
      stdout: `querator ${VERSION}\n`,
      stderr: '',
    });
  });

  test('exits with 130 after Ctrl-C, without a message', async () => {
    const child = querator('lease', 'q', '--endpoint', endpoint);
    const end = ended(child);
    await asked();
    child.kill('SIGINT');
    expect(await end).toEqual({ code: 130, stdout: '', stderr: '' });
  });

  test('exits at once after a second Ctrl-C, if the first one waits for a request', async () => {
    const child = querator('produce', 'q', '--file', MAIN, '--endpoint', endpoint);
    const end = ended(child);
    await asked();
    child.kill('SIGINT');
    // The system merges signals of one kind while one is pending, so the second one may need repeating.
    const again = setInterval(() => child.kill('SIGINT'), 50);
    expect(await end).toEqual({ code: 130, stdout: '', stderr: '' });
    clearInterval(again);
  });

  test('exits without a message if its output is closed', async () => {
    const child = querator('--help');
    child.stdout.destroy();
    const { code, stderr } = await ended(child);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('runs a server until SIGTERM', async () => {
    const child = querator('server', '--address', 'localhost:0');
    const end = ended(child);
    const started = Promise.withResolvers<void>();
    let log = '';
    child.stdout.on('data', (chunk) => {
      log += chunk;
      if (log.includes('http://localhost:')) started.resolve();
    });
    await started.promise;
    child.kill('SIGTERM');
    expect(await end).toMatchObject({ code: 0, stderr: '' });
  });

  test('prints why a server does not start', async () => {
    const ran = await ended(querator('server', '--config', '/no/such.yaml'));
    expect(ran).toMatchObject({
      code: 1,
      stderr: 'Error: while opening config file: open /no/such.yaml: no such file or directory\n',
    });
  });
});
