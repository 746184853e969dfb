import { formatDuration, metadataUnavailable, milliseconds, QueueError } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import {
  codecs,
  codecsV2,
  endpointsV2,
  queueEndpoints,
  SUCCESS_REPLY,
  toTimestamp,
  unknownMethod,
} from '@querator/protocol';
import { expect, test } from 'vitest';
import { createClient } from '../../src/index.ts';
import { clientPort } from '../../src/port/client-port.ts';
import { FakeServer } from '../support/fake-server.ts';

const items = { queueName: 'q', partition: 2 };

/** The port of a server with these capabilities. */
async function portOf(server: FakeServer, capabilities: readonly string[]) {
  server.on(endpointsV2.server.info, () => ({
    version: '1',
    api: [],
    capabilities: [...capabilities],
    storages: [],
    queueStorage: undefined,
  }));
  const port = clientPort(createClient({ endpoint: 'http://queue.test', fetch: server.fetch }), {
    ...{ clock: new ManualClock(), details: true },
  });
  await port.discover?.();
  await port.discover?.();
  const paths = () => server.received.map(({ url }) => new URL(url).pathname);
  return { port, paths };
}

const refusal = { id: 'b', code: 'lease_lost', message: 'gone' };

test('complete and retry tell what became of each item', async () => {
  const server = new FakeServer()
    .on(endpointsV2.queue.complete, ({ ids }) =>
      codecsV2.QueueCompleteResponse.create({ items: ids.map((id) => (id === 'b' ? refusal : { id })) }),
    )
    .on(endpointsV2.queue.retry, () =>
      codecsV2.QueueRetryResponse.create({
        items: [{ id: 'a', code: 'outcome_unknown', message: 'storage failed' }],
      }),
    );
  const { port, paths } = await portOf(server, ['queue.complete', 'queue.retry']);
  const completed = await port.complete({ ...items, ids: ['a', 'b'] });
  expect([...completed]).toEqual([['b', expect.objectContaining({ code: 'invalid', reason: 'lease_lost' })]]);
  expect(await port.complete({ ...items, ids: ['a'] })).toEqual(new Map());
  const retried = await port.retry({ ...items, items: [{ id: 'a', dead: false }] });
  expect(retried.get('a')).toMatchObject({
    code: 'retry',
    reason: 'outcome_unknown',
    message: 'storage failed',
  });
  expect(paths().filter((path) => path === endpointsV2.server.info.path)).toHaveLength(1);
  expect(port.extend).toBeUndefined();
});

test.each([
  ['lacks the calls', []],
  ['is replaced by an older one', ['queue.complete', 'queue.retry']],
])('a server that %s gets those of v1', async (_, capabilities) => {
  const server = new FakeServer()
    .on(queueEndpoints.complete, () => SUCCESS_REPLY)
    .on(queueEndpoints.retry, () => SUCCESS_REPLY);
  for (const endpoint of [endpointsV2.queue.complete, endpointsV2.queue.retry]) {
    server.on<unknown, unknown>(endpoint, () => {
      throw unknownMethod(endpoint.path);
    });
  }
  const { port, paths } = await portOf(server, capabilities);
  expect(await port.complete({ ...items, ids: ['a'] })).toEqual(new Map());
  expect(await port.retry({ ...items, items: [{ id: 'a', dead: true }] })).toEqual(new Map());
  expect(paths().filter((path) => path.startsWith('/v1/'))).toEqual([
    ...['/v1/queue.complete', '/v1/queue.retry'],
  ]);
});

test('a refusal of a call under v2 is thrown', async () => {
  const server = new FakeServer().on(endpointsV2.queue.complete, () => {
    throw new QueueError('failed', 'service is shutting down');
  });
  const { port } = await portOf(server, ['queue.complete']);
  await expect(port.complete({ ...items, ids: ['a'] })).rejects.toThrow('service is shutting down');
});

test('leases are renewed where the server can', async () => {
  const deadline = toTimestamp(1_800_000_000_000_000n as never);
  const server = new FakeServer().on(endpointsV2.queue.extend, ({ ids, leaseTimeout }) => {
    expect(leaseTimeout).toBe(formatDuration(milliseconds(30_000)));
    return codecsV2.QueueExtendResponse.create({
      items: ids.map((id) => (id === 'b' ? refusal : { id, leaseDeadline: deadline })),
    });
  });
  const { port } = await portOf(server, ['queue.extend']);
  const extended = await port.extend?.({ ...items, ids: ['a', 'b'], leaseTimeout: milliseconds(30_000) });
  expect(extended?.get('a')).toBe(1_800_000_000_000_000n);
  expect(extended?.get('b')).toMatchObject({ reason: 'lease_lost' });
});

test('a lease tells the time of the server', async () => {
  const server = new FakeServer().on(queueEndpoints.lease, () =>
    codecs.QueueLeaseResponse.create({ partition: 2, items: [{ id: 'a' }] }),
  );
  const client = createClient({
    endpoint: 'http://queue.test',
    fetch: async (url, init) => {
      const reply = await server.fetch(url, init);
      reply.headers.set('Date', 'Thu, 01 Jan 2026 00:00:05 GMT');
      return reply;
    },
  });
  const call = { queueName: 'q', clientId: 'c', batchSize: 1, requestTimeout: '1s' };
  const options = { clock: new ManualClock(), details: false };
  const lease = await clientPort(client, options).lease(call, new AbortController().signal);
  expect(lease?.serverTime).toEqual({
    at: BigInt(Date.UTC(2026, 0, 1, 0, 0, 5)) * 1_000n,
    precision: milliseconds(1_000),
  });
});

const lacking = metadataUnavailable('its table has no column');

test('a lease has details where the queue keeps them, and is plain for a while where it does not', async () => {
  const clock = new ManualClock();
  let keeps = false;
  const server = new FakeServer()
    .on(endpointsV2.server.info, () => ({
      version: '1',
      api: [],
      capabilities: ['metadata'],
      storages: [],
      queueStorage: undefined,
    }))
    .on(queueEndpoints.lease, () => codecs.QueueLeaseResponse.create({ items: [{ id: 'plain' }] }))
    .on(endpointsV2.queue.lease, () => {
      if (!keeps) throw lacking;
      return codecsV2.QueueLeaseResponse.create({
        items: [
          {
            ...{ id: 'new', firstId: 'first', metadata: new Map([['tenant', 'blue']]) },
            createdAt: { seconds: 5 },
            source: {
              queue: 'mail',
              id: 'old',
              attempts: 3,
              diedAt: { seconds: 4 },
              reason: 'attempts',
              error: 'no',
            },
          },
        ],
      });
    });
  const client = createClient({ endpoint: 'http://queue.test', fetch: server.fetch });
  const port = clientPort(client, { clock, details: true });
  await port.discover?.();
  const lease = async () => {
    const call = { queueName: 'q', clientId: 'c', batchSize: 1, requestTimeout: '1s' };
    return (await port.lease(call, new AbortController().signal))?.items[0];
  };
  const paths = () => server.received.slice(1).map(({ url }) => new URL(url).pathname);
  expect(await lease()).toMatchObject({ id: 'plain' });
  keeps = true;
  expect(await lease()).toMatchObject({ id: 'plain' });
  await clock.advance('1m');
  expect(await lease()).toMatchObject({
    ...{ id: 'new', createdAt: 5_000_000n },
    details: {
      firstId: 'first',
      metadata: new Map([['tenant', 'blue']]),
      source: { queue: 'mail', attempts: 3, death: { at: 4_000_000n, reason: 'attempts' }, error: 'no' },
    },
  });
  expect(paths()).toEqual([...['/v2/queue.lease', '/v1/queue.lease', '/v1/queue.lease', '/v2/queue.lease']]);
});

test('a retry has its error where the queue keeps it', async () => {
  const errors: string[] = [];
  let keeps = true;
  const server = new FakeServer().on(endpointsV2.queue.retry, ({ items: [item] }) => {
    errors.push(item?.error ?? '');
    if (!keeps && item?.error !== '') throw lacking;
    return codecsV2.QueueRetryResponse.create({ items: [{ id: 'a' }] });
  });
  const { port } = await portOf(server, ['queue.retry', 'metadata']);
  const retry = (error?: string) => port.retry({ ...items, items: [{ id: 'a', dead: false, error }] });
  expect(await retry('no luck')).toEqual(new Map());
  await retry();
  keeps = false;
  expect(await retry('again')).toEqual(new Map());
  await retry('once more');
  expect(errors).toEqual(['no luck', '', 'again', '', '']);
});
