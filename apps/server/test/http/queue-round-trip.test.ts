import { codecs } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import { STORAGES, useServer } from '../support/test-server.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe.each(STORAGES)('over HTTP, on %s', (storage) => {
  const server = useServer(storage);

  test('an item is produced, leased, listed and completed', async () => {
    await server.createQueue('trip');
    const before = Date.now();
    const produced = await server.post('/v1/queue.produce', {
      queue_name: 'trip',
      request_timeout: '10s',
      items: [
        { utf8: 'héllo', kind: 'greeting', reference: 'acct', encoding: 'utf-8' },
        { bytes: base64('raw') },
        {},
      ],
    });
    expect([produced.status, produced.text]).toEqual([200, '{"code":200}']);
    expect(produced.headers.get('content-type')).toBe('application/json');
    expect(produced.headers.get('x-content-type-options')).toBe('nosniff');
    expect(produced.headers.get('server')).toBeNull();

    const leased = await server.post('/v1/queue.lease', {
      queue_name: 'trip',
      client_id: 'me',
      batch_size: 2,
      request_timeout: '5s',
    });
    expect(leased.json).toEqual({
      queue_name: 'trip',
      items: [
        {
          encoding: 'utf-8',
          kind: 'greeting',
          reference: 'acct',
          id: expect.stringMatching(/^0[0-9a-f]{16}[0-9A-Za-z]{10}$/),
          attempts: 1,
          lease_deadline: expect.any(String),
          bytes: base64('héllo'),
        },
        {
          id: expect.any(String),
          attempts: 1,
          lease_deadline: expect.any(String),
          bytes: base64('raw'),
        },
      ],
    });
    expect(Date.parse(leased.json.items[0].lease_deadline)).toBeGreaterThanOrEqual(before + 60_000);

    const listed = await server.post('/v1/storage/items.list', { queue_name: 'trip' });
    expect(listed.json.items).toHaveLength(3);
    expect(listed.json.items[0]).toMatchObject({ is_leased: true, attempts: 1 });
    expect(listed.json.items[2]).toMatchObject({ lease_deadline: '0001-01-01T00:00:00Z' });
    expect(Date.parse(listed.json.items[0].created_at)).toBeGreaterThanOrEqual(before);

    const completed = await server.post('/v1/queue.complete', {
      queue_name: 'trip',
      request_timeout: '5s',
      ids: leased.json.items.map(({ id }: { id: string }) => id),
    });
    expect(completed.text).toBe('{"code":200}');

    const stats = await server.post('/v1/queue.stats', { queue_name: 'trip' });
    expect(stats.json).toEqual({
      queue_name: 'trip',
      logicalQueues: [
        { partitions: [{ total: 1, average_age: expect.any(String), average_leased_age: '0s' }] },
      ],
    });
  });

  test('a request in protobuf can get a reply in JSON, as the Go client expects', async () => {
    await server.createQueue('go');
    const body = codecs.QueueProduceRequest.encode(
      codecs.QueueProduceRequest.create({
        queueName: 'go',
        requestTimeout: '5s',
        items: [{ bytes: new Uint8Array([0, 255, 1]) }],
      }),
    );
    const headers = { 'Content-Type': 'application/protobuf', Accept: '' };
    const { status, text } = await server.post('/v1/queue.produce', body, headers);
    expect([status, text]).toEqual([200, '{"code":200}']);
  });

  test('a lease on an empty queue waits, and fails with the documented text', async () => {
    await server.createQueue('empty');
    const { status, json } = await server.post('/v1/queue.lease', {
      queue_name: 'empty',
      client_id: 'me',
      batch_size: 1,
      request_timeout: '50ms',
    });
    expect([status, json]).toEqual([
      454,
      {
        code: 454,
        code_text: 'Retry Request',
        message: 'request timeout; no items are in the queue, try again',
      },
    ]);
  });

  test('a waiting lease gets an item that is produced', async () => {
    await server.createQueue('wake');
    const lease = server.post('/v1/queue.lease', {
      queue_name: 'wake',
      client_id: 'me',
      batch_size: 1,
      request_timeout: '30s',
    });
    const waits = async () =>
      (await server.post('/v1/queue.stats', { queue_name: 'wake' })).json.logicalQueues[0].lease_waiting ===
      1;
    while (!(await waits()));
    await server.post('/v1/queue.produce', {
      queue_name: 'wake',
      request_timeout: '5s',
      items: [{ utf8: 'x' }],
    });
    expect((await lease).json.items).toHaveLength(1);
  });

  test('a client that disconnects while it waits takes no items', async () => {
    await server.createQueue('hangup');
    const leaving = new AbortController();
    const gone = fetch(`${server.url}/v1/queue.lease`, {
      method: 'POST',
      signal: leaving.signal,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ queue_name: 'hangup', client_id: 'a', batch_size: 1, request_timeout: '1m' }),
    }).catch(() => undefined);
    const waiting = async () =>
      (await server.post('/v1/queue.stats', { queue_name: 'hangup' })).json.logicalQueues[0].lease_waiting ??
      0;
    while ((await waiting()) !== 1);
    leaving.abort();
    await gone;
    while ((await waiting()) !== 0);
    await server.post('/v1/queue.produce', {
      queue_name: 'hangup',
      request_timeout: '5s',
      items: [{ utf8: 'x' }],
    });
    const { json } = await server.post('/v1/queue.lease', {
      queue_name: 'hangup',
      client_id: 'b',
      batch_size: 1,
      request_timeout: '5s',
    });
    expect(json.items[0].attempts).toBe(1);
  });

  test('queues are created, listed, changed, shown and deleted', async () => {
    await server.createQueue('m-1', { max_attempts: 3, reference: 'r' });
    await server.createQueue('m-2', { lease_timeout: '60s', dead_queue: 'm-1' });
    const { json: info } = await server.post('/v1/queues.info', { queue_name: 'm-2' });
    expect(info).toEqual({
      queue_name: 'm-2',
      created_at: expect.any(String),
      updated_at: expect.any(String),
      dead_queue: 'm-1',
      lease_timeout: '1m0s',
      expire_timeout: '24h0m0s',
      requested_partitions: 1,
      namespace: '_system',
    });
    const { json: page } = await server.post('/v1/queues.list', { pivot: 'm-1', limit: 2 });
    expect(page.items.map((queue: { queue_name: string }) => queue.queue_name)).toEqual(['m-1', 'm-2']);
    await server.post('/v1/queues.update', { queue_name: 'm-2', max_attempts: 7 });
    const { json: updated } = await server.post('/v1/queues.info', { queue_name: 'm-2' });
    expect([updated.max_attempts, updated.dead_queue, updated.lease_timeout]).toEqual([7, undefined, '1m0s']);
    expect((await server.post('/v1/queues.delete', { queue_name: 'm-2' })).text).toBe('{"code":200}');
    const { status, json } = await server.post('/v1/queues.info', { queue_name: 'm-2' });
    expect([status, json.message]).toEqual([400, "queue does not exist; no such queue named 'm-2'"]);
  });
});
