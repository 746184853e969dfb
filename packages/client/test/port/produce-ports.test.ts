import { invalid, milliseconds } from '@querator/core';
import { codecsV2, endpointsV2 } from '@querator/protocol';
import { expect, test } from 'vitest';
import {
  createClient,
  type EngineCalls,
  inProcess,
  type PortProduce,
  type ProducePort,
} from '../../src/index.ts';
import { clientProducePort } from '../../src/port/client-produce-port.ts';
import { FakeServer } from '../support/fake-server.ts';

const refusal = invalid("dedup_key is invalid; storage 'disk' does not support dedup keys");

function call(keys: Partial<PortProduce>, itemKey?: string): PortProduce {
  const item = { payload: new Uint8Array(), encoding: '', kind: '', reference: '', dedupKey: itemKey };
  return {
    ...{ queueName: 'q', requestTimeout: '1s', items: [item], dedupKey: undefined },
    dedupWindow: milliseconds(300_000),
    ...keys,
  };
}

/** The keys of each call of a port to a storage without dedup keys. */
const ports: readonly [string, (seen: string[]) => Promise<ProducePort>][] = [
  [
    'of a client',
    async (seen) => {
      const capabilities = ['queue.produce', 'queue.produce.dedup'];
      const server = new FakeServer()
        .on(endpointsV2.server.info, () => ({ version: '1', api: [], capabilities }))
        .on(endpointsV2.queue.produce, ({ dedupKey, items }) => {
          seen.push(dedupKey);
          if (dedupKey !== '' || items[0]?.dedupKey !== '') throw refusal;
          return codecsV2.QueueProduceResponse.create({ items: [{ id: 'a' }] });
        });
      const port = clientProducePort(createClient({ endpoint: 'http://queue.test', fetch: server.fetch }));
      await port.discover?.();
      return port;
    },
  ],
  [
    'of an engine',
    async (seen) => {
      const calls: Pick<EngineCalls, 'keyedProduces'> & {
        queue: Pick<EngineCalls['queue'], 'produceWithIds'>;
      } = {
        keyedProduces: {
          produce: async ({ dedupKey }) => {
            seen.push(dedupKey);
            throw refusal;
          },
        },
        queue: {
          produceWithIds: async () => {
            seen.push('');
            return { partition: 0, ids: ['a'] };
          },
        },
      };
      return inProcess(calls as unknown as EngineCalls);
    },
  ],
];

test.each(ports)('a port %s drops the keys of a producer where the storage has none', async (_, makePort) => {
  const seen: string[] = [];
  const port = await makePort(seen);
  expect(port.canDedup).toBe(true);
  expect(await port.produce(call({ dedupKey: 'k' }))).toMatchObject([{ id: 'a' }]);
  expect(seen).toEqual(['k', '']);
  expect(port.canDedup).toBe(false);
});

test.each(ports)('a port %s refuses the keys of items where the storage has none', async (_, makePort) => {
  const port = await makePort([]);
  await expect(port.produce(call({}, 'mine'))).rejects.toThrow(refusal.message);
  expect(port.canDedup).toBe(true);
});
