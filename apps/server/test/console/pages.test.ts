import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';
import { ENFORCED } from '../access/support/access-server.ts';

/** The answer to a path as it is, of a host that a request may name freely. */
async function get(url: string, path: string, headers: Record<string, string> = {}) {
  const { port } = new URL(url);
  const sent = request({ port, path, headers }).end();
  const [reply] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: reply.statusCode, text: await text(reply) };
}

const INDEX = '<!doctype html><title>Console</title>';
const SCRIPT = `console.log('${'x'.repeat(5_000)}');`;

describe('the pages of the console', () => {
  let folder: string;
  let server: RunningServer | undefined;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'console-'));
    mkdirSync(join(folder, 'page/assets'), { recursive: true });
    writeFileSync(join(folder, 'page/index.html'), INDEX);
    writeFileSync(join(folder, 'page/icon.svg'), '<svg/>');
    writeFileSync(join(folder, 'page/assets/main-1a2b.js'), SCRIPT);
    writeFileSync(join(folder, 'page/assets/main-1a2b.css'), 'p{}');
    writeFileSync(join(folder, 'secret.txt'), 'secret');
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  async function start(settings: object = {}, consoleFolder = join(folder, 'page')) {
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    const config = parseConfig(JSON.stringify({ address: '127.0.0.1:0', ...settings }));
    server = await startServer(config, { ...deps, consoleFolder });
    return server;
  }

  const ask = (url: string, headers: Record<string, string> = {}) =>
    fetch(url, { headers, redirect: 'manual' });

  test('need no key, allow nothing but their own files and calls, and are kept by browsers', async () => {
    const { url } = await start(ENFORCED);
    const files = {
      '': ['text/html; charset=utf-8', 'no-cache', INDEX],
      'index.html': ['text/html; charset=utf-8', 'no-cache', INDEX],
      'icon.svg': ['image/svg+xml', 'no-cache', '<svg/>'],
      'assets/main-1a2b.js': ['text/javascript; charset=utf-8', expect.stringContaining('immutable'), SCRIPT],
      'assets/main-1a2b.css': ['text/css; charset=utf-8', 'public, max-age=31536000, immutable', 'p{}'],
    };
    for (const [name, [type, kept, contents]] of Object.entries(files)) {
      const reply = await ask(`${url}/console/${name}`);
      expect([reply.status, await reply.text()], name).toEqual([200, contents]);
      const { headers } = reply;
      expect([headers.get('content-type'), headers.get('cache-control')], name).toEqual([type, kept]);
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
          "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(headers.get('cross-origin-resource-policy')).toBe('same-origin');
      const again = await ask(`${url}/console/${name}`, { 'If-None-Match': headers.get('etag') ?? '' });
      expect(again.status).toBe(304);
    }
  });

  test('are compressed for those who can read that', async () => {
    const { url } = await start();
    const { headers } = await ask(`${url}/console/assets/main-1a2b.js`, { 'Accept-Encoding': 'br, gzip' });
    expect([headers.get('content-encoding'), headers.get('vary')]).toEqual(['gzip', 'Accept-Encoding']);
    expect(Number(headers.get('content-length'))).toBeLessThan(SCRIPT.length / 10);
    for (const encodings of ['identity', 'br', 'gzip;q=0']) {
      const plain = await ask(`${url}/console/assets/main-1a2b.js`, { 'Accept-Encoding': encodings });
      expect([plain.headers.get('content-encoding'), await plain.text()]).toEqual([null, SCRIPT]);
    }
  });

  test('may be reached from the pages of others, but not under a name of theirs', async () => {
    const { url } = await start();
    const link = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' };
    for (const path of ['/console', '/console/', '/console/assets/main-1a2b.js', '/console/config.json']) {
      expect((await ask(url + path, link)).status, path).toBeLessThan(400);
    }
    expect((await ask(`${url}/docs`, link)).status).toBe(403);
    const rebound = await get(url, '/console/', { Host: 'evil.example' });
    expect([rebound.status, rebound.text]).toEqual([403, expect.stringContaining('evil.example')]);
  });

  test('begin at a slash, whatever prefix a proxy adds', async () => {
    const { url } = await start({ console: { path: '/ops/console' } });
    const reply = await ask(`${url}/ops/console`);
    expect([reply.status, reply.headers.get('location')]).toEqual([302, 'console/']);
    expect((await ask(`${url}/ops/console/`)).status).toBe(200);
    const settings = await (await ask(`${url}/ops/console/config.json`)).json();
    expect(settings).toMatchObject({ api: '../../', docs: '../../docs' });
    expect((await ask(`${url}/console/`)).status).toBe((await ask(`${url}/nothing`)).status);
  });

  test('tell what the page needs before anybody has logged in', async () => {
    const version = expect.stringMatching(/^\d+\.\d+\.\d+/);
    const { url } = await start({ 'api-docs': false });
    expect(await (await ask(`${url}/console/config.json`)).json()).toEqual({
      ...{ version, access_control: false, api: '../', docs: '' },
    });
    await server?.stop();
    const { url: enforced } = await start(ENFORCED);
    expect(await (await ask(`${enforced}/console/config.json`)).json()).toEqual({
      ...{ version, access_control: true, api: '../', docs: '../docs' },
    });
  });

  test('are nothing but the files of their folder', async () => {
    const { url } = await start();
    const unknown = await ask(`${url}/nothing`);
    for (const name of [
      ...['nothing', 'assets', 'assets/', '/', '/index.html', '%69ndex.html', 'index.html/'],
      ...[
        '../secret.txt',
        '..%2fsecret.txt',
        '%2e%2e/secret.txt',
        'assets/../../secret.txt',
        '..\\secret.txt',
      ],
      ...['constructor', '__proto__', 'index.html%00'],
    ]) {
      const reply = await get(url, `/console/${name}`);
      expect([name, reply.status]).toEqual([name, unknown.status]);
      expect(reply.text, name).toMatch(/^[{]"code":400,/);
    }
  });

  test('are only on the port for operators, if there is one', async () => {
    const { url, adminUrl = '' } = await start({ ...ENFORCED, 'admin-address': '127.0.0.1:0' });
    for (const path of ['/console', '/console/', '/console/config.json']) {
      expect((await ask(url + path)).status).toBe((await ask(`${url}/nothing`)).status);
      expect((await ask(adminUrl + path)).status).toBeLessThan(400);
    }
    const headers = { 'Content-Type': 'application/json' };
    const call = await fetch(`${adminUrl}/v2/server.info`, { method: 'POST', body: '{}', headers });
    expect(call.status).toBe(403);
  });

  test('are unknown paths if they are switched off, or were not built', async () => {
    const { url } = await start({ console: { enabled: false } });
    expect((await ask(`${url}/console/`)).status).toBe((await ask(`${url}/nothing`)).status);
    await server?.stop();
    const { url: unbuilt } = await start({}, join(folder, 'missing'));
    expect((await ask(`${unbuilt}/console/`)).status).toBe((await ask(`${unbuilt}/nothing`)).status);
  });
});
