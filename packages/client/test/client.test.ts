import { QueueError } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import {
  accessEndpoints,
  codecs,
  queueEndpoints,
  queuesEndpoints,
  SUCCESS_REPLY,
  storageEndpoints,
} from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import {
  BrokenReplyError,
  type Client,
  ConnectError,
  ConnectionLostError,
  createClient,
  InfrastructureError,
  ReplyError,
  RequestTimeoutError,
} from '../src/index.ts';
import { FakeServer, failureOf, protobufReply, rawReply } from './support/fake-server.ts';

const endpoint = 'http://queue.test';

describe('a request', () => {
  test('is sent as protobuf, and requests protobuf', async () => {
    const server = new FakeServer().on(queueEndpoints.produce, () => SUCCESS_REPLY);
    const client = createClient({ endpoint, fetch: server.fetch });
    const bytes = new TextEncoder().encode('hello');
    await client.queue.produce({ queueName: 'q', requestTimeout: '5s', items: [{ bytes }] });
    expect(server.received).toMatchObject([
      {
        url: 'http://queue.test/v1/queue.produce',
        headers: { 'Content-Type': 'application/protobuf', Accept: 'application/protobuf' },
        request: { queueName: 'q', requestTimeout: '5s', items: [{ bytes, utf8: '' }] },
      },
    ]);
    expect(server.received[0]?.headers).not.toHaveProperty('Authorization');
  });

  test('carries the API key', async () => {
    const server = new FakeServer().on(queuesEndpoints.list, () => ({ items: [] }));
    await createClient({ endpoint, fetch: server.fetch, apiKey: 'secret' }).queues.list({});
    expect(server.received[0]?.headers).toMatchObject({ Authorization: 'Bearer secret' });
  });

  test('keeps the path of an endpoint behind a proxy', async () => {
    const urls: string[] = [];
    const client = createClient({
      endpoint: 'https://proxy.test/queues/',
      fetch: async (url) => {
        urls.push(url);
        return protobufReply(200, new Uint8Array());
      },
    });
    await client.queues.list({});
    expect(urls).toEqual(['https://proxy.test/queues/v1/queues.list']);
  });

  test('has a method for every endpoint, which calls it', async () => {
    const urls: string[] = [];
    const client = createClient({
      endpoint,
      fetch: async (url) => {
        urls.push(url.slice(endpoint.length));
        return protobufReply(200, new Uint8Array());
      },
    });
    const groups = {
      queue: queueEndpoints,
      queues: queuesEndpoints,
      storage: storageEndpoints,
      access: accessEndpoints,
    };
    for (const [group, table] of Object.entries(groups)) {
      for (const [name, { path }] of Object.entries(table)) {
        const methods = client[group as keyof typeof groups] as unknown as Record<
          string,
          Client['queues']['list']
        >;
        await methods[name]?.({});
        expect(urls.pop(), `${group}.${name}`).toBe(path);
      }
    }
  });
});

describe('a reply', () => {
  const list = (answer: () => Response | Promise<Response>) =>
    createClient({ endpoint, fetch: async () => answer() }).queues.list({});

  test('is decoded from protobuf and JSON, with and without a charset', async () => {
    const message = codecs.QueuesListResponse.create({ items: [{ queueName: 'q' }] });
    const json = new TextDecoder().decode(codecs.QueuesListResponse.toJson(message));
    expect(await list(() => protobufReply(200, codecs.QueuesListResponse.encode(message)))).toEqual(message);
    expect(await list(() => rawReply(200, 'application/json; charset=utf-8', json))).toEqual(message);
  });

  test('with an error becomes an error with the code of the body', async () => {
    const body = '{"code":454,"code_text":"Retry Request","message":"queue is overloaded; try again later"}';
    const error = await failureOf(list(() => rawReply(400, 'application/json', body)));
    expect(error).toBeInstanceOf(QueueError);
    expect(error).toBeInstanceOf(ReplyError);
    expect(error).toMatchObject({
      code: 'retry',
      retryable: true,
      status: 454,
      codeText: 'Retry Request',
      message: 'queue is overloaded; try again later',
      url: 'http://queue.test/v1/queues.list',
    });
  });

  test('that refuses may tell the reason, and when to try again', async () => {
    const body = '{"code":429,"message":"slower","details":{"code":"over_limit","retry_after":"1.5s"}}';
    const error = await failureOf(list(() => rawReply(429, 'application/json', body)));
    expect(error).toMatchObject({ code: 'limited', reason: 'over_limit', retryAfterMs: 1_500 });
  });

  test.each([
    ['a status no Querator server sends', 502, 'text/html', '<html>'],
    ['a content type no Querator server sends', 200, 'text/html', '<html>'],
    ['a refusal that cannot be read', 404, 'application/json', '{"error":"no route"}'],
    ['a refusal without a code', 500, 'application/json', '{}'],
  ])('with %s is an infrastructure error', async (_, status, contentType, body) => {
    const error = await failureOf(list(() => rawReply(status, contentType, body)));
    expect(error).toBeInstanceOf(InfrastructureError);
    expect(error).toMatchObject({ status, outcome: 'unknown' });
  });

  test('that reports success and cannot be decoded is broken', async () => {
    const error = await failureOf(list(() => rawReply(200, 'application/json', '{"items":')));
    expect(error).toBeInstanceOf(BrokenReplyError);
    expect(error).toMatchObject({ outcome: 'unknown' });
  });
});

describe('no reply', () => {
  test('because no server listens: nothing was sent', async () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { syscall: 'connect' });
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }));
    const error = await failureOf(createClient({ endpoint, fetch }).queues.list({}));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({
      outcome: 'not-applied',
      message:
        'Client Error: during POST http://queue.test/v1/queues.list: could not connect: connect ECONNREFUSED 127.0.0.1:1',
    });
  });

  test('because the connection broke: the outcome is unknown', async () => {
    const cause = Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }));
    const error = await failureOf(createClient({ endpoint, fetch }).queues.list({}));
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(error).toMatchObject({ outcome: 'unknown' });
  });

  test.each([
    ['the timeout of the request and a margin', { requestTimeout: '10s' }, '15s'],
    ['30 seconds and a margin when the request has none', {}, '35s'],
    ['30 seconds and a margin when the request has a wrong one', { requestTimeout: 'soon' }, '35s'],
  ])('is awaited for %s', async (_, request, wait) => {
    const clock = new ManualClock();
    const client = createClient({ endpoint, clock, fetch: () => new Promise(() => {}) });
    const failure = failureOf(client.queue.lease(request));
    let failed = false;
    void failure.then(() => {
      failed = true;
    });
    await clock.advance(wait.replace('5s', '4s'));
    expect(failed).toBe(false);
    await clock.advance('1s');
    expect(await failure).toBeInstanceOf(RequestTimeoutError);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each(['v1', 'v2'] as const)(
    'of a retry under /%s/ is awaited for 5 minutes and a margin',
    async (api) => {
      const clock = new ManualClock();
      const client = createClient({ endpoint, clock, fetch: () => new Promise(() => {}) });
      const failure = failureOf(api === 'v1' ? client.queue.retry({}) : client.v2.queue.retry({}));
      let failed = false;
      void failure.then(() => {
        failed = true;
      });
      await clock.advance('304s');
      expect(failed).toBe(false);
      await clock.advance('1s');
      expect(await failure).toBeInstanceOf(RequestTimeoutError);
    },
  );

  test('is awaited for the timeout of the caller', async () => {
    const clock = new ManualClock();
    const client = createClient({ endpoint, clock, fetch: () => new Promise(() => {}) });
    const failure = failureOf(client.queues.list({}, { timeoutMs: 100 }));
    await clock.advance('100ms');
    expect(await failure).toMatchObject({ message: expect.stringContaining('no reply within 100 ms') });
  });

  test('is not awaited after the caller aborts', async () => {
    const clock = new ManualClock();
    const giveUp = new AbortController();
    const seen: AbortSignal[] = [];
    const client = createClient({
      endpoint,
      clock,
      fetch: (_, { signal }) => {
        seen.push(signal as AbortSignal);
        return new Promise(() => {});
      },
    });
    const failure = failureOf(client.queues.list({}, { signal: giveUp.signal }));
    const reason = new Error('enough');
    giveUp.abort(reason);
    expect(await failure).toBe(reason);
    expect(seen[0]?.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
    expect(await failureOf(client.queues.list({}, { signal: giveUp.signal }))).toBe(reason);
    expect(seen).toHaveLength(1);
  });
});

describe('an endpoint', () => {
  test.each(['localhost:2319', 'ftp://host', 'nonsense', '', 'http://host/?a=1'])(
    '%j is refused',
    (wrong) => {
      expect(() => createClient({ endpoint: wrong })).toThrow(TypeError);
    },
  );

  test('with credentials is refused without showing them', () => {
    const create = () => createClient({ endpoint: 'http://me:secret@host' });
    expect(create).toThrow('cannot hold credentials');
    expect(create).not.toThrow(/secret/);
  });
});
