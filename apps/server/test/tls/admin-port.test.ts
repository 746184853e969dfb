import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';
import { callSecurely } from './support/https-call.ts';
import { TlsFolder } from './support/tls-folder.ts';

let files: TlsFolder;
let others: TlsFolder;
let server: RunningServer;

beforeAll(async () => {
  files = await TlsFolder.create();
  others = await TlsFolder.create();
});
afterAll(async () => {
  await files.remove();
  await others.remove();
});
afterEach(() => server.stop());

const configWith = (settings: object) =>
  parseConfig(
    JSON.stringify({
      ...{
        address: '127.0.0.1:0',
        'admin-address': '127.0.0.1:0',
        tls: { ...files.settings, 'client-ca': files.ca },
      },
      ...settings,
    }),
  );

async function start(settings: object): Promise<string> {
  const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  server = await startServer(configWith(settings), deps);
  return server.adminUrl ?? '';
}

test('the port for operators has the TLS settings of the other one', async () => {
  const url = await start({});
  expect(url).toMatch(/^https:/);
  await expect(callSecurely(`${url}/livez`, { ca: files.authority.cert })).rejects.toThrow();
  const { cert, key } = await files.authority.issue({ commonName: 'operator' });
  expect((await callSecurely(`${url}/livez`, { ca: files.authority.cert, cert, key })).status).toBe(200);
});

test('it may have none', async () => {
  const url = await start({ 'admin-tls': false });
  expect((await fetch(`${url}/livez`)).status).toBe(200);
});

test('it may have its own, which are reloaded too', async () => {
  const url = await start({ 'admin-tls': others.settings });
  const ask = () => callSecurely(`${url}/livez`, { ca: others.authority.cert });
  expect(await ask()).toMatchObject({ status: 200, commonName: 'first' });
  await others.install(await others.issue('second'));
  await server.reload(configWith({ 'admin-tls': others.settings }));
  expect(await ask()).toMatchObject({ status: 200, commonName: 'second' });
});
