import { QueueError } from '@querator/core';
import { endpointsV2, unknownMethod } from '@querator/protocol';
import { expect, test } from 'vitest';
import { createClient } from '../src/index.ts';
import { FakeServer, failureOf } from './support/fake-server.ts';

const clientOf = (server: FakeServer) => createClient({ endpoint: 'http://queue.test', fetch: server.fetch });

test('a client asks once what the server can', async () => {
  const server = new FakeServer().on(endpointsV2.server.info, () => ({
    ...{ version: '1.2.3', api: ['v1', 'v2'], capabilities: ['queue.produce'] },
    ...{ storages: [], queueStorage: undefined },
  }));
  const client = clientOf(server);
  const [info] = await Promise.all([client.discover(), client.discover()]);
  expect(await client.discover()).toBe(info);
  expect(info).toEqual({ version: '1.2.3', api: ['v1', 'v2'], capabilities: new Set(['queue.produce']) });
  expect(server.received).toHaveLength(1);
});

test('a server without v2 can do what v1 has', async () => {
  const server = new FakeServer().on(endpointsV2.server.info, () => {
    throw unknownMethod('/v2/server.info');
  });
  expect(await clientOf(server).discover()).toEqual({
    ...{ version: undefined, api: ['v1'], capabilities: new Set() },
  });
});

test('a caller who may not ask finds out which calls exist', async () => {
  const server = new FakeServer().on(endpointsV2.server.info, () => {
    throw new QueueError('forbidden', 'access denied');
  });
  for (const endpoint of Object.values(endpointsV2.queue)) {
    server.on<unknown, unknown>(endpoint, () => {
      throw endpoint === endpointsV2.queue.lease
        ? unknownMethod(endpoint.path)
        : new QueueError('invalid', 'queue name is invalid');
    });
  }
  const { capabilities } = await clientOf(server).discover();
  expect(capabilities.has('queue.produce')).toBe(true);
  expect(capabilities.has('queue.lease')).toBe(false);
});

test('a failed question is asked again', async () => {
  let failures = 1;
  const server = new FakeServer().on(endpointsV2.server.info, () => {
    if (failures-- > 0) throw new QueueError('failed', 'service is shutting down');
    return { version: '1', api: [], capabilities: [], storages: [], queueStorage: undefined };
  });
  const client = clientOf(server);
  expect(await failureOf(client.discover())).toMatchObject({ code: 'failed' });
  expect(await client.discover()).toMatchObject({ version: '1' });
});
