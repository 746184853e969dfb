import { createClient } from '@querator/client';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';
import { Terminal } from '../cli/support/terminal.ts';
import { TlsFolder } from './support/tls-folder.ts';

let files: TlsFolder;
let server: RunningServer;
let certFile: string;
let keyFile: string;

beforeAll(async () => {
  files = await TlsFolder.create();
  const { cert, key } = await files.authority.issue({ commonName: 'alice' });
  certFile = `${files.folder}/alice.crt`;
  keyFile = `${files.folder}/alice.key`;
  await files.replace(certFile, cert);
  await files.replace(keyFile, key);
  server = await startServer(
    parseConfig(
      JSON.stringify({ address: '127.0.0.1:0', tls: { ...files.settings, 'client-ca': files.ca } }),
    ),
    { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger },
  );
});
afterAll(async () => {
  await server.stop();
  await files.remove();
});

const terminal = new Terminal(() => Promise.reject(new Error('not used')));
const list = (args: readonly string[], env: Record<string, string> = {}) =>
  terminal.run(['--endpoint', server.url, ...args, 'list'], { env, fetch: undefined });

test('a command talks https with the files of its flags, or of its environment', async () => {
  const flags = ['--ca-file', files.ca, '--cert-file', certFile, '--key-file', keyFile];
  expect(await list(flags)).toMatchObject({ code: 0, stderr: "Found 0 queue(s) of namespace '_system'\n" });
  const env = { QUERATOR_CA_FILE: files.ca, QUERATOR_CERT_FILE: certFile, QUERATOR_KEY_FILE: keyFile };
  expect(await list([], env)).toMatchObject({ code: 0 });
});

test('a command refuses a server whose certificate no trusted authority has signed', async () => {
  const { code, stderr } = await list(['--cert-file', certFile, '--key-file', keyFile]);
  expect(code).toBe(1);
  expect(stderr).toContain('could not connect: self-signed certificate in certificate chain');
});

test('a command without a certificate is refused by the server', async () => {
  expect(await list(['--ca-file', files.ca])).toMatchObject({ code: 1 });
});

test.each([
  [['--ca-file', '/nowhere'], 1, '--ca-file: cannot read /nowhere: no such file or directory'],
  [['--cert-file', '/dev/null'], 2, '--cert-file and --key-file go together'],
])('%j is refused in words', async (args, exitCode, reason) => {
  const { code, stderr } = await list(args);
  expect([code, stderr]).toEqual([exitCode, expect.stringContaining(reason)]);
});

test('the client reports a certificate that it refuses as a failure to connect: nothing was sent', async () => {
  const client = createClient({ endpoint: server.url });
  await expect(client.queues.list({})).rejects.toMatchObject({ name: 'ConnectError' });
});
