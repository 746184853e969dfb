import { once } from 'node:events';
import { connect } from 'node:net';
import process from 'node:process';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { afterEach, describe, expect, test } from 'vitest';
import type { PageRequest } from '../../src/http/fetch/pages.ts';
import { ServedFile } from '../../src/http/fetch/served-file.ts';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';

const PAGES = [
  ['/openapi.json', 'application/json'],
  ['/docs', 'text/html; charset=utf-8'],
  ['/docs/page.css', 'text/css; charset=utf-8'],
  ['/docs/start.js', 'text/javascript; charset=utf-8'],
  ['/docs/viewer.js', 'text/javascript; charset=utf-8'],
  ['/docs/viewer.css', 'text/css; charset=utf-8'],
] as const;
const FILES = ['/openapi.json', '/docs/viewer.js', '/docs/viewer.css'];

let server: RunningServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function start(settings: object = {}): Promise<RunningServer> {
  const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
  server = await startServer(parseConfig(JSON.stringify({ address: '127.0.0.1:0', ...settings })), deps);
  return server;
}

describe('the description of the API', () => {
  test.each(PAGES)('%s is %s, and no browser takes it for anything else', async (path, contentType) => {
    const { url } = await start();
    const reply = await fetch(url + path);
    const bytes = new Uint8Array(await reply.arrayBuffer());
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toBe(contentType);
    expect(reply.headers.get('content-length')).toBe(String(bytes.length));
    expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
    const head = await fetch(url + path, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('is the document of this version', async () => {
    const { url } = await start();
    const document = JSON.parse(await (await fetch(`${url}/openapi.json`)).text());
    expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Querator' } });
    expect(document.paths['/v2/queue.lease'].post.operationId).toBe('v2QueueLease');
  });

  test.each(FILES)('%s is sent once to a client that keeps it', async (path) => {
    const { url } = await start();
    const etag = (await fetch(url + path)).headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    const ask = (tags: string) => fetch(url + path, { headers: { 'If-None-Match': tags } });
    for (const tags of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await ask(tags);
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag]);
    }
    expect((await ask('"x"')).status).toBe(200);
  });

  test('allows its page nothing but its own files and calls', async () => {
    const { url } = await start();
    const policy = (await fetch(`${url}/docs`)).headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  test('needs no key with access control, and shows nothing of the server', async () => {
    const key = `qtr-ci-${'b'.repeat(43)}`;
    const { url } = await start({ 'auth-backend': { driver: 'internal', 'admin-key': key } });
    for (const [path] of PAGES) expect((await fetch(url + path)).status, path).toBe(200);
    const body = JSON.stringify({
      queue_name: 'secret-queue',
      lease_timeout: '1m',
      expire_timeout: '1h',
      requested_partitions: 1,
    });
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` };
    expect((await fetch(`${url}/v1/queues.create`, { method: 'POST', body, headers })).status).toBe(200);
    expect(await (await fetch(`${url}/openapi.json`)).text()).not.toContain('secret-queue');
  });

  test('is on both ports', async () => {
    const { url, adminUrl = '' } = await start({ 'admin-address': '127.0.0.1:0' });
    for (const [path] of PAGES) {
      expect((await fetch(url + path)).status, path).toBe(200);
      expect((await fetch(adminUrl + path)).status, path).toBe(200);
    }
  });

  test('is refused to web pages of strangers', async () => {
    const { url } = await start();
    for (const [path] of PAGES) {
      expect((await fetch(url + path, { headers: { Origin: 'http://evil.example' } })).status, path).toBe(
        403,
      );
    }
  });

  test('is in memory once, however many clients do not read it', async () => {
    const { url } = await start();
    const { hostname, port } = new URL(url);
    const size = (await (await fetch(`${url}/docs/viewer.js`)).arrayBuffer()).byteLength;
    const before = process.memoryUsage().arrayBuffers;
    const sockets = Array.from({ length: 50 }, () => connect({ host: hostname, port: Number(port) }));
    try {
      const answers = sockets.map((socket) => once(socket, 'readable'));
      for (const socket of sockets) socket.write(`GET /docs/viewer.js HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
      await Promise.all(answers);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10 * size);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  test('is an unknown path if it is switched off', async () => {
    const { url } = await start({ 'api-docs': false });
    const unknown = await fetch(`${url}/nothing`);
    const text = await unknown.text();
    for (const [path] of PAGES) {
      const reply = await fetch(url + path);
      expect([reply.status, await reply.text()]).toEqual([unknown.status, text.replaceAll('/nothing', path)]);
    }
  });
});

describe('a served file', () => {
  const type = { contentType: 'text/plain', headers: {} };
  const request = { ifNoneMatch: undefined } as PageRequest;

  test('is looked for at the first request, and once', async () => {
    let located = 0;
    const file = new ServedFile(() => {
      located++;
      return import.meta.filename;
    }, type);
    expect(located).toBe(0);
    const [first, second] = await Promise.all([file.show(request), file.show(request)]);
    expect(located).toBe(1);
    expect(first.text).toBe(second.text);
  });

  test('that cannot be read is tried again', async () => {
    let path = '/no/such/file';
    const file = new ServedFile(() => path, type);
    await expect(file.show(request)).rejects.toThrow('ENOENT');
    path = import.meta.filename;
    expect(await file.show(request)).toMatchObject({ contentType: 'text/plain' });
  });
});
