import { request } from 'node:http';
import { codecs } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { readReply, useServer } from '../support/test-server.ts';

const server = useServer('memory');
const stats = '/v1/queue.stats';

/** A request that `fetch` would refuse or change. */
function bare(
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const call = request({ hostname, port, method, path, headers }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('end', () =>
        resolve({ status: reply.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
    });
    call.on('error', reject);
    call.end();
  });
}

describe('methods and paths', () => {
  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is refused', async (method) => {
    const { status, json } = await readReply(await fetch(server.url + stats, { method }));
    expect([status, json.message]).toEqual([400, `http method '${method}' not allowed; only POST`]);
  });

  test('HEAD of a call is refused', async () => {
    expect((await fetch(server.url + stats, { method: 'HEAD' })).status).toBe(400);
  });

  test.each(['/health', '/metrics', '/health?requireStorage=none'])(
    'HEAD of %s has the head of GET, and no body',
    async (path) => {
      const get = await fetch(server.url + path);
      const head = await fetch(server.url + path, { method: 'HEAD' });
      expect(await head.text()).toBe('');
      expect(head.status).toBe(get.status);
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
      // The metrics change between two requests, and so may their length.
      expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0);
    },
  );

  test.each([
    '/',
    '/v1/queue.stats/',
    '//v1/queue.stats',
    '/v1/Queue.stats',
    '/v1/../v1/queue.stats',
    '/v1/queue%2Estats',
    '/health',
    '/metrics',
    '/v1/queues.rebalance',
  ])('POST %s is an unknown call', async (path) => {
    const { status, body } = await bare('POST', path);
    expect([status, JSON.parse(body).message]).toEqual([501, `no such method; ${path}`]);
  });

  test('the query string is ignored', async () => {
    const { status } = await server.post(`${stats}?x=1`, { queue_name: 'none' });
    expect(status).toBe(400);
  });
});

describe('the Authorization header', () => {
  test.each(['Basic abc', 'bearer x', 'Bearer', 'Bearer '])(
    '%j is refused before the path is checked',
    async (value) => {
      const { status, json } = await server.post('/v1/nothing', {}, { Authorization: value });
      expect([status, json.message]).toEqual([401, 'invalid authorization header format']);
    },
  );

  test('a token is ignored while access control is off', async () => {
    await server.createQueue('authorized');
    const { status } = await server.post(stats, { queue_name: 'authorized' }, { Authorization: 'Bearer x' });
    expect(status).toBe(200);
  });
});

describe('bodies and their types', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    '*/*',
    'application/*',
    '',
  ])('Content-Type %j is JSON', async (type) => {
    const { json } = await server.post(stats, '{"queue_name":"none"}', { 'Content-Type': type });
    expect(json.message).toContain('queue does not exist');
  });

  test.each(['text/plain', 'application/x-protobuf', 'application/x-www-form-urlencoded'])(
    'Content-Type %j is refused',
    async (type) => {
      const { status, json } = await server.post(stats, '{}', { 'Content-Type': type });
      expect([status, json.message]).toEqual([
        455,
        `Content-Type header '${type}' is invalid format or unrecognized content type`,
      ]);
    },
  );

  test('an unsupported Accept is refused without effect', async () => {
    const body = { queue_name: 'unseen', lease_timeout: '1m', expire_timeout: '1h', requested_partitions: 1 };
    const { status, json } = await server.post('/v1/queues.create', body, { Accept: 'text/html, */*' });
    expect([status, json.message]).toEqual([
      455,
      "Accept header 'text/html' is invalid format or unrecognized content type, only [application/json,application/protobuf] are supported by this method",
    ]);
    expect((await server.post('/v1/queues.info', { queue_name: 'unseen' })).status).toBe(400);
  });

  test('a reply is in protobuf if Accept names it, errors too', async () => {
    const reply = await fetch(server.url + stats, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/protobuf' },
      body: '{"queue_name":"none"}',
    });
    expect([reply.status, reply.headers.get('content-type')]).toEqual([400, 'application/protobuf']);
    const message = codecs.Reply.decode(new Uint8Array(await reply.arrayBuffer()));
    expect(message).toMatchObject({ code: 400, codeText: 'Bad Request' });
  });

  test.each([
    ['', 'proto: syntax error (line 1:1): unexpected token'],
    ['{"queue_name":"a","extra":1}', 'unknown field "extra"'],
    ['{"queue_name":"a","queueName":"b"}', 'duplicate field'],
    ['[]', 'proto:'],
  ])('the body %j is refused', async (body, message) => {
    const { status, json } = await server.post(stats, body);
    expect([status, json.code]).toEqual([455, 455]);
    expect(json.message).toContain(message);
  });

  test('a body at the limit is accepted, one more byte is refused, announced or not', async () => {
    const fill = (bytes: number) => `{"queue_name":"${'x'.repeat(bytes - 17)}"}`;
    expect((await server.post(stats, fill(256_000))).json.message).toContain('queue does not exist');
    const tooLong = [400, 'request body exceeds 250.0KiB limit'];
    const announced = await server.post(stats, fill(256_001));
    expect([announced.status, announced.json.message]).toEqual(tooLong);
    const chunked = await fetch(server.url + stats, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: new Blob([fill(256_001)]).stream(),
      duplex: 'half',
    });
    const reply = await readReply(chunked);
    expect([reply.status, reply.json.message]).toEqual(tooLong);
  });

  test('a text with U+0000 is refused, and the field named', async () => {
    await server.createQueue('nul');
    const { status, json } = await server.post('/v1/queue.produce', {
      queue_name: 'nul',
      request_timeout: '5s',
      items: [{ utf8: 'fine' }, { kind: 'a\0b' }],
    });
    expect([status, json.message]).toEqual([400, 'kind is invalid; cannot contain the character U+0000']);
    expect((await server.post('/v1/storage/items.list', { queue_name: 'nul' })).text).toBe('{}');
  });
});

test('GET /metrics has a series for each path that was called, and for no other', async () => {
  await server.post('/v1/queue.stats', { queue_name: 'none' });
  await server.post('/v1/made-up', {});
  const reply = await fetch(`${server.url}/metrics`);
  expect(reply.headers.get('content-type')).toContain('text/plain');
  const text = await reply.text();
  expect(text).toContain('# HELP http_handler_duration The timings of http requests handled by the service');
  expect(text).toMatch(/^http_handler_duration\{quantile="0\.99",path="\/v1\/queue\.stats"\} \d/m);
  expect(text).toMatch(/^http_handler_duration_count\{path="\/v1\/queue\.stats"\} \d+$/m);
  expect(text).toMatch(/^querator_http_replies_total\{path="\/v1\/queue\.stats",code="400"\} \d+$/m);
  expect(text).not.toContain('made-up');
});

test('GET /metrics shows the waiting requests of each queue', async () => {
  await server.createQueue('watched');
  const lease = server.post('/v1/queue.lease', {
    queue_name: 'watched',
    client_id: 'me',
    batch_size: 1,
    request_timeout: '30s',
  });
  const waiting = 'querator_requests_waiting{queue="watched",operation="lease"} 1';
  while (!(await (await fetch(`${server.url}/metrics`)).text()).includes(waiting));
  await server.post('/v1/queues.delete', { queue_name: 'watched' });
  expect((await lease).status).toBe(453);
  expect(await (await fetch(`${server.url}/metrics`)).text()).not.toContain('watched');
});
