import type { LogFields, Logger } from '@querator/core';
import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { freePort } from '@querator/tooling-processes';
import { afterEach, describe, expect, test } from 'vitest';
import { compose } from '../../src/compose.ts';
import { parseConfig, type RunningServer, startServer } from '../../src/index.ts';
import type { ServerDeps } from '../../src/server-deps.ts';

interface Line {
  readonly message: string;
  readonly fields: LogFields;
}

let server: RunningServer | undefined;
let lines: Line[];
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const requests = () => lines.filter(({ message }) => message === 'request').map(({ fields }) => fields);

async function start(settings: object = {}, deps: Partial<ServerDeps> = {}): Promise<string> {
  lines = [];
  const add = (message: string, fields: LogFields = {}) => void lines.push({ message, fields });
  const logger: Logger = { ...silentLogger, info: add, warn: add, error: add };
  const config = parseConfig(JSON.stringify({ address: '127.0.0.1:0', ...settings }));
  server = await startServer(config, {
    ...{ clock: new SystemClock(), random: new SystemRandom(), logger },
    ...deps,
  });
  return server.url;
}

const on = { logging: { 'request-log': true } };
const JSON_TYPE = { 'Content-Type': 'application/json' };
const post = (url: string, body: object | string, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { ...JSON_TYPE, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const idOf = (reply: Response) => reply.headers.get('x-request-id');
const QUEUE = { queue_name: 'q', lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };

describe('the request log', () => {
  test('has one line for each call', async () => {
    const url = await start(on);
    await post(`${url}/v1/queues.create`, QUEUE);
    const body = JSON.stringify({ queue_name: 'q', request_timeout: '5s', items: [{ utf8: 'secret text' }] });
    const reply = await post(`${url}/v1/queue.produce`, body, { 'X-Request-Id': 'order-17' });
    const text = await reply.text();
    expect(requests()).toHaveLength(2);
    expect(requests()[1]).toEqual({
      method: 'POST',
      path: '/v1/queue.produce',
      status: 200,
      ms: expect.any(Number),
      bytes: body.length,
      replyBytes: text.length,
      queue: 'q',
      peer: '127.0.0.1',
      requestId: 'order-17',
    });
    expect(JSON.stringify(lines)).not.toContain('secret text');
  });

  test('has refused calls too, however early they fail', async () => {
    const url = await start(on);
    await fetch(`${url}/nothing?key=secret`);
    await post(`${url}/v1/nothing`, {});
    await post(`${url}/v1/queues.list`, {}, { Accept: 'text/html' });
    await post(`${url}/v1/queues.list`, '{');
    await post(`${url}/v1/queue.stats`, { queue_name: 'missing' });
    await post(`${url}/v1/queues.list`, {}, { Host: 'evil.example', Authorization: 'Basic x' });
    expect(requests().map(({ method, path, status }) => [method, path, status])).toEqual([
      ['GET', '/nothing', 400],
      ['POST', '/v1/nothing', 501],
      ['POST', '/v1/queues.list', 455],
      ['POST', '/v1/queues.list', 455],
      ['POST', '/v1/queue.stats', 400],
      ['POST', '/v1/queues.list', 401],
    ]);
    for (const { peer, requestId } of requests()) {
      expect([peer, requestId]).toEqual(['127.0.0.1', expect.stringMatching(/^\w{20}$/)]);
    }
  });

  test('names the address of a client that is gone', async () => {
    const url = await start(on);
    await post(`${url}/v1/queues.create`, QUEUE);
    const leaving = new AbortController();
    const lease = { queue_name: 'q', client_id: 'c', batch_size: 1, request_timeout: '1m' };
    const leased = fetch(`${url}/v1/queue.lease`, {
      ...{ method: 'POST', headers: JSON_TYPE, body: JSON.stringify(lease) },
      signal: leaving.signal,
    });
    const waiting = async () => {
      const stats = await post(`${url}/v1/queue.stats`, { queue_name: 'q' });
      return ((await stats.json()) as { logicalQueues: { lease_waiting?: number }[] }).logicalQueues[0];
    };
    await expect.poll(waiting).toMatchObject({ lease_waiting: 1 });
    leaving.abort();
    await expect(leased).rejects.toThrow();
    const gone = () => requests().find(({ path }) => path === '/v1/queue.lease');
    await expect.poll(gone).toMatchObject({ gone: true, peer: '127.0.0.1' });
  });

  test('is not limited as repeated lines are, and bounds its texts', async () => {
    const url = await start(on);
    const long = 'q'.repeat(5_000);
    await post(`${url}/v1/${long}`, {});
    expect(String(requests()[0]?.['path'])).toHaveLength(
      '/v1/'.length + 1_996 + '… (5004 characters)'.length,
    );
  });

  test('goes to its own logger, if there is one', async () => {
    const own: string[] = [];
    const url = await start(on, {
      requestLogger: { ...silentLogger, info: (message) => void own.push(message) },
    });
    await post(`${url}/v1/queues.list`, {});
    expect([own, requests()]).toEqual([['request'], []]);
  });

  test('is off by default, has no pages, and is a setting', async () => {
    const url = await start();
    await post(`${url}/v1/queues.list`, {});
    expect(requests()).toEqual([]);
    await server?.stop();
    const logging = await start(on);
    for (const page of ['/health', '/livez', '/metrics']) await fetch(logging + page);
    expect(requests()).toEqual([]);
    expect(() => parseConfig('logging:\n  request-log: maybe\n')).toThrow(
      'line 2: logging.request-log: expected true or false',
    );
  });
});

describe('the id of a request', () => {
  test.each([
    ['order-17', true],
    ['a'.repeat(128), true],
    ['0af7651916cd43dd8448eb211c80319c/b7ad6b7169203331', true],
    ['a'.repeat(129), false],
    ['two words', false],
    ['<script>', false],
    ['a"b', false],
  ])('%s comes back: %s', async (sent, isKept) => {
    for (const settings of [{}, on]) {
      const url = await start(settings);
      for (const path of ['/v1/queues.list', '/v1/nothing']) {
        const id = idOf(await post(url + path, {}, { 'X-Request-Id': sent }));
        if (isKept) expect(id).toBe(sent);
        else expect(id).toMatch(/^\w{20}$/);
      }
      expect(idOf(await fetch(`${url}/health`, { headers: { 'X-Request-Id': sent } })) === sent).toBe(isKept);
      await server?.stop();
    }
  });

  test('is made and sent back when the log is on', async () => {
    const url = await start(on);
    const first = idOf(await post(`${url}/v1/queues.list`, {}));
    const second = idOf(await post(`${url}/v1/nothing`, {}));
    expect(requests().map(({ requestId }) => requestId)).toEqual([first, second]);
    expect(first).not.toBe(second);
  });

  test('is not there when nobody asks for it', async () => {
    const url = await start();
    expect(idOf(await post(`${url}/v1/queues.list`, {}))).toBeNull();
    expect(idOf(await post(`${url}/v1/nothing`, {}))).toBeNull();
  });

  test('is in the line of a failure, which has one in any case, and in its reply', async () => {
    const config = { 'connection-string': `postgres://u@127.0.0.1:${await freePort()}/d?connect_timeout=1` };
    const url = await start({ 'partition-storage': [{ name: 'pg', driver: 'postgres', config }] });
    const failures = () => lines.filter(({ message }) => message === 'storage refused a request');
    const given = await post(`${url}/v1/queues.list`, {}, { 'X-Request-Id': 'order-17' });
    const made = await post(`${url}/v1/queues.list`, {});
    expect(failures().map(({ fields }) => fields['requestId'])).toEqual(['order-17', idOf(made)]);
    expect([idOf(given), idOf(made)]).toEqual(['order-17', expect.stringMatching(/^\w{20}$/)]);
  });

  test('works in process too', async () => {
    lines = [];
    const add = (message: string, fields: LogFields = {}) => void lines.push({ message, fields });
    const deps = {
      clock: new SystemClock(),
      random: new SystemRandom(),
      logger: { ...silentLogger, info: add },
    };
    const composition = compose(parseConfig(JSON.stringify(on)), deps);
    const request = new Request('http://localhost/v1/queues.list', {
      ...{ method: 'POST', body: '{}' },
      headers: { ...JSON_TYPE, 'X-Request-Id': 'inside' },
    });
    const reply = await composition.app.fetch(request, {});
    expect(idOf(reply)).toBe('inside');
    expect(requests()).toMatchObject([{ status: 200, peer: '', requestId: 'inside' }]);
    await composition.stop();
  });
});
