import { spawn, spawnSync } from 'node:child_process';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';
import { TlsFolder } from './support/tls-folder.ts';

/** A machine may lack either program, and always has Node. */
const isInstalled = (program: string, flag: string) => spawnSync(program, [flag]).status === 0;
const PROGRAMS = [
  ...(isInstalled('openssl', 'version') ? (['openssl'] as const) : []),
  ...(isInstalled('curl', '--version') ? (['curl'] as const) : []),
  'node',
] as const;

let files: TlsFolder;
let server: RunningServer;
let client: { readonly cert: string; readonly key: string };

beforeAll(async () => {
  files = await TlsFolder.create();
  const { cert, key } = await files.authority.issue({ commonName: 'alice' });
  client = { cert: `${files.folder}/alice.crt`, key: `${files.folder}/alice.key` };
  await files.replace(client.cert, cert);
  await files.replace(client.key, key);
  server = await startServer(
    parseConfig(
      JSON.stringify({
        address: '127.0.0.1:0',
        tls: { ...files.settings, 'client-ca': files.ca, 'client-certificates': 'optional' },
      }),
    ),
    { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger },
  );
});
afterAll(async () => {
  await server.stop();
  await files.remove();
});

/** Runs a program with an input, without blocking the server in this process. */
function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
      });
    }
    child.on('close', () => resolve(output));
    child.stdin.end(input);
  });
}

const port = () => new URL(server.url).port;
const script = (fetchOptions: string) => `
  const { readFileSync } = require('node:fs');
  require('node:https').get('${server.url}/health', ${fetchOptions}, (reply) => {
    console.log(reply.statusCode, reply.socket.getProtocol());
    process.exit();
  }).on('error', (error) => console.log(error.code));`;

describe.each(PROGRAMS)('%s', (program) => {
  test('trusts the server by its authority', async () => {
    const output = {
      openssl: () =>
        run(
          'openssl',
          [
            ...['s_client', '-connect', `127.0.0.1:${port()}`, '-CAfile', files.ca],
            '-verify_return_error',
            '-ign_eof',
          ],
          'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
        ),
      curl: () => run('curl', ['-sSv', '--cacert', files.ca, `${server.url}/health`]),
      node: () => run(process.execPath, ['-e', script(`{ ca: readFileSync('${files.ca}') }`)]),
    }[program];
    const text = await output();
    expect(text).toMatch(/TLSv1\.3/);
    expect(text).toMatch(/\b200\b/);
  });

  test('gets no HTTP/2, even if it prefers it', async () => {
    const output = {
      openssl: () => run('openssl', ['s_client', '-connect', `127.0.0.1:${port()}`, '-alpn', 'h2,http/1.1']),
      curl: () => run('curl', ['-sSv', '--http2', '--cacert', files.ca, `${server.url}/health`]),
      node: () =>
        run(process.execPath, [
          '-e',
          `const socket = require('node:tls').connect({ port: ${port()}, host: '127.0.0.1', rejectUnauthorized: false,
            ALPNProtocols: ['h2', 'http/1.1'] }, () => { console.log('ALPN', socket.alpnProtocol); socket.destroy(); });`,
        ]),
    }[program];
    expect(await output()).toMatch(/ALPN.*http\/1\.1/);
  });

  test('shows a certificate of its own', async () => {
    const output = {
      openssl: () =>
        run(
          'openssl',
          [
            ...['s_client', '-connect', `127.0.0.1:${port()}`, '-CAfile', files.ca, '-ign_eof'],
            ...['-cert', client.cert, '-key', client.key],
          ],
          'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
        ),
      curl: () =>
        run('curl', [
          ...['-sSi', '--cacert', files.ca, '--cert', client.cert, '--key', client.key],
          `${server.url}/health`,
        ]),
      node: () =>
        run(process.execPath, [
          '-e',
          script(
            `{ ca: readFileSync('${files.ca}'), cert: readFileSync('${client.cert}'), key: readFileSync('${client.key}') }`,
          ),
        ]),
    }[program];
    expect(await output()).toMatch(/\b200\b/);
  });
});
