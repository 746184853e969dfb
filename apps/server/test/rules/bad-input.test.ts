import { createTestDatabase, type TestDatabase } from '@querator/tooling-postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ENCODINGS, HttpFront } from './support/http.ts';
import { DRIVERS, type Driver, ServiceFixture } from './support/service-fixture.ts';
import { CHECKED, QUEUES } from './support/validation-rules.ts';

/** One server for all cases of a driver: no case may change anything. */
function useServer(driver: Driver) {
  const server = {} as { fixture: ServiceFixture; http: HttpFront; database: TestDatabase };
  beforeAll(async () => {
    server.database = await createTestDatabase();
    server.fixture = new ServiceFixture(server.database, { storages: { main: driver } });
    await server.fixture.create(QUEUES.dead);
    await server.fixture.create(QUEUES.main, { deadQueue: QUEUES.dead });
    await server.fixture.service.queues.create({
      ...{ queueName: QUEUES.idle, namespace: '', leaseTimeout: '1m', expireTimeout: '1h' },
      ...{ deadQueue: '', maxAttempts: 0, reference: '', requestedPartitions: 1 },
    });
    await server.fixture.produce(QUEUES.main, 'untouched');
    server.http = await HttpFront.open(server.fixture);
  });
  afterAll(async () => {
    await server.http.close();
    await server.fixture.dispose();
    await server.database.drop();
  });
  return server;
}

describe.each(DRIVERS)('bad input in front of %s', (driver) => {
  const server = useServer(driver);

  /** Expects that no call reached a partition meanwhile. */
  async function withoutTrace<T>(calls: () => Promise<T>): Promise<T> {
    const storage = server.fixture.storage();
    // Wait for effects of earlier requests, such as the first sweep of a queue.
    await server.fixture.settle();
    const before = storage.calls.length;
    const result = await calls();
    expect(storage.calls.slice(before)).toEqual([]);
    return result;
  }

  describe.each(CHECKED)('$path', ({ path, good, rules }) => {
    const cases = rules.map(([broken, text], n) => ({ n, broken, text }));
    test.each(cases)('$n: refuses with "$text", before all later rules', async ({ n, text }) => {
      // Breaks this rule and all later ones: the error names the first broken rule.
      const message = Object.assign(
        {},
        good,
        ...rules
          .slice(n)
          .map(([broken]) => broken)
          .reverse(),
      );
      const replies = await withoutTrace(() =>
        Promise.all(ENCODINGS.map((encoding) => server.http.send(path, message, encoding))),
      );
      for (const { status, body } of replies) {
        expect([status, body['code'], body['codeText'], body['message']]).toEqual([
          400,
          400,
          'Bad Request',
          text,
        ]);
      }
    });
  });

  const JSON_BODIES: [string, string][] = [
    ['/v1/queue.produce', ''],
    ['/v1/queue.produce', 'null'],
    ['/v1/queue.produce', '[]'],
    ['/v1/queue.produce', '"text"'],
    ['/v1/queue.produce', '{}{}'],
    ['/v1/queue.produce', '{"queue_name":"rules-main",}'],
    ['/v1/queue.produce', '{"queue_name":5}'],
    ['/v1/queue.produce', '{"queue_name":"rules-main","queueName":"rules-main"}'],
    ['/v1/queue.produce', '{"queue_name":"\\ud800"}'],
    ['/v1/queue.produce', '{"unknown":1}'],
    ['/v1/queue.produce', '{"items":{}}'],
    ['/v1/queue.produce', '{"items":[1]}'],
    ['/v1/queue.produce', '{"items":[{"bytes":"!"}]}'],
    ['/v1/queue.produce', '{"items":[{"enqueue_at":"2026-01-01 00:00:00Z"}]}'],
    ['/v1/queue.produce', '{"items":[{"enqueue_at":"2026-02-30T00:00:00Z"}]}'],
    ['/v1/queue.produce', '{"items":[{"enqueue_at":1}]}'],
    ['/v1/queue.lease', '{"batch_size":1.5}'],
    ['/v1/queue.lease', '{"batch_size":2147483648}'],
    ['/v1/queue.lease', '{"batch_size":-2147483649}'],
    ['/v1/queue.lease', '{"batch_size":" 5"}'],
    ['/v1/queue.lease', '{"batch_size":true}'],
    ['/v1/queue.lease', '{"batch_size":1e99}'],
    ['/v1/queue.retry', '{"items":[{"dead":"true"}]}'],
    ['/v1/queue.retry', '{"items":[{"dead":1}]}'],
    ['/v1/queue.clear', '{"queue":null,"queue":true}'],
    ['/v1/queue.complete', '{"ids":"x"}'],
    ['/v1/queues.list', '{"limit":"x"}'],
    ['/v1/storage/items.list', '{"QUEUE_NAME":"rules-main"}'],
  ];

  test.each(JSON_BODIES)('POST %s with the JSON body %j is answered 455', async (path, body) => {
    const reply = await withoutTrace(() => server.http.post(path, body, 'json'));
    expect(reply).toMatchObject({ status: 455, body: { code: 455, codeText: 'Client Content Error' } });
    expect(reply.body['message']).not.toBe('');
  });

  const WIRE_BODIES: [string, number[]][] = [
    ['a length beyond the end', [0x0a, 0x05, 0x61]],
    ['a varint without an end', [0x10, 0xff, 0xff]],
    ['field number 0', [0x02, 0x01, 0x61]],
    ['an unknown wire type', [0x0f]],
    ['a group that is not closed', [0x0b]],
    ['text', [...Buffer.from('{"queue_name":"rules-main"}')]],
  ];

  test.each(WIRE_BODIES)('a protobuf body with %s is answered 455', async (_, bytes) => {
    for (const { path } of CHECKED) {
      const reply = await withoutTrace(() => server.http.post(path, Uint8Array.from(bytes), 'protobuf'));
      expect([path, reply.status, reply.body['code']]).toEqual([path, 455, 455]);
    }
  });

  test('a text that is not UTF-8 is refused in both encodings, and its field is named', async () => {
    const name = Buffer.from([0x61, 0xff, 0x62]);
    const json = Buffer.concat([Buffer.from('{"queue_name":"'), name, Buffer.from('"}')]);
    const wire = Buffer.concat([Buffer.from([0x0a, name.length]), name]);
    await withoutTrace(async () => {
      for (const [body, encoding] of [
        [json, 'json'],
        [wire, 'protobuf'],
      ] as const) {
        const reply = await server.http.post('/v1/queue.stats', body, encoding);
        expect([reply.status, reply.body['message']]).toEqual([
          400,
          'queue_name is invalid; must be valid UTF-8',
        ]);
      }
    });
  });

  test('an empty protobuf body is an empty message, which the first check refuses', async () => {
    for (const { path, rules } of CHECKED) {
      if (path === '/v1/queues.list') continue;
      const { status, body } = await server.http.post(path, new Uint8Array(), 'protobuf');
      const empty = rules.find(([broken]) => broken['queue_name'] === '');
      expect([path, status, body['message']]).toEqual([path, 400, empty?.[1]]);
    }
  });

  test('unknown fields of a protobuf body are ignored', async () => {
    const body = Buffer.concat([
      Buffer.from([0x0a, 10]),
      Buffer.from(QUEUES.main),
      Buffer.from([0xf8, 0x06, 1]),
    ]);
    expect((await server.http.post('/v1/queue.stats', body, 'protobuf')).status).toBe(200);
  });

  test.each(ENCODINGS)(
    'G40: U+0000 is refused in every stored text, and nothing is stored, through %s',
    async (encoding) => {
      const texts = ['encoding', 'kind', 'reference'];
      await withoutTrace(async () => {
        for (const field of texts) {
          const items = [{ utf8: 'good' }, { [field]: 'a\0' }];
          const message = { queue_name: QUEUES.main, request_timeout: '1m', items };
          const { status, body } = await server.http.send('/v1/queue.produce', message, encoding);
          expect([status, body['message']]).toEqual([
            400,
            `${field} is invalid; cannot contain the character U+0000`,
          ]);
        }
      });
      // Bytes that are no text.
      const items = [{ utf8: 'a\0b' }, { bytes: 'AAAA' }];
      const message = { queue_name: QUEUES.idle, request_timeout: '1m', items };
      expect((await server.http.send('/v1/queue.produce', message, encoding)).status).toBe(200);
    },
  );

  test.each(ENCODINGS)(
    'G47: the bounds of a request timeout are accepted by every hot call, through %s',
    async (encoding) => {
      for (const request_timeout of ['10ms', '15m']) {
        const timed = { queue_name: QUEUES.idle, request_timeout };
        const send = (path: string, message: object) =>
          server.http.send(path, { ...timed, ...message }, encoding);
        expect((await send('/v1/queue.produce', { items: [{ utf8: 'x' }] })).status).toBe(200);
        const leased = await send('/v1/queue.lease', { client_id: request_timeout, batch_size: 1 });
        expect(leased.status).toBe(200);
        const [{ id }] = leased.body['items'] as [{ id: string }];
        expect((await send('/v1/queue.complete', { ids: [id] })).status).toBe(200);
      }
    },
  );

  test.each(['-1h', '1ms', '1ns'])(
    'a complete, which does not wait, accepts a timeout of %s',
    async (request_timeout) => {
      const message = { queue_name: QUEUES.main, request_timeout, ids: ['0'.repeat(27)] };
      const { body } = await server.http.send('/v1/queue.complete', message, 'json');
      expect(body['message']).toContain('does not exist');
    },
  );

  test.each(ENCODINGS)(
    'G47: a lease with a long queue name and client id is within the limit, through %s',
    async (encoding) => {
      const message = {
        queue_name: 'x'.repeat(512),
        client_id: 'y'.repeat(512),
        batch_size: 1,
        request_timeout: '1m',
      };
      const { body } = await server.http.send('/v1/queue.lease', message, encoding);
      expect(body['message']).toContain('queue does not exist');
    },
  );

  test('G47: an unsupported Accept is refused without effect', async () => {
    await withoutTrace(async () => {
      const reply = await fetch(`${server.http.url}/v1/queue.produce`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'text/plain' },
        body: JSON.stringify({ queue_name: QUEUES.main, request_timeout: '1m', items: [{ utf8: 'x' }] }),
      });
      expect(reply.status).toBe(455);
    });
  });

  test('bad input has changed no queue', async () => {
    expect(await server.fixture.payloads(QUEUES.main)).toEqual(['untouched']);
    const listed = await server.fixture.service.queues.list({ namespace: '', pivot: '', limit: 0 });
    expect(listed.map(({ name }) => name)).toEqual([QUEUES.dead, QUEUES.idle, QUEUES.main]);
    expect(await server.fixture.service.queues.info(QUEUES.main)).toMatchObject({
      ...{ deadQueue: QUEUES.dead, maxAttempts: 0, reference: '', leaseTimeout: 60_000_000_000n },
    });
  });
});
