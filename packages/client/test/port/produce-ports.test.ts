import { capabilityMissing, dedupMissing, milliseconds } from '@querator/core';
import { ManualClock } from '@querator/core/testing';
import { codecsV2, endpointsV2, queueEndpoints, SUCCESS_REPLY } from '@querator/protocol';
import { describe, expect, test } from 'vitest';
import {
  createClient,
  type EngineCalls,
  inProcess,
  MissingCapabilityError,
  type PortProduce,
  type ProducePort,
} from '../../src/index.ts';
import { clientProducePort } from '../../src/port/client-produce-port.ts';
import { FakeServer } from '../support/fake-server.ts';

const refusal = dedupMissing('disk');

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
        .on(endpointsV2.server.info, () => ({
          version: '1',
          api: [],
          capabilities,
          storages: [],
          queueStorage: undefined,
        }))
        .on(endpointsV2.queue.produce, ({ dedupKey, items }) => {
          seen.push(dedupKey);
          if (dedupKey !== '' || items[0]?.dedupKey !== '') throw refusal;
          return codecsV2.QueueProduceResponse.create({ items: [{ id: 'a' }] });
        });
      const port = clientProducePort(
        createClient({ endpoint: 'http://queue.test', fetch: server.fetch }),
        new ManualClock(),
      );
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
      return inProcess(calls as unknown as EngineCalls, new ManualClock());
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

describe('metadata', () => {
  const item = { payload: new Uint8Array(), encoding: '', kind: '', reference: '' };
  const tracePairs = { traceparent: '00-trace-span-01' };
  const lacking = capabilityMissing(
    'metadata',
    "'metadata' is unavailable; stop or upgrade the server 'old'",
  );

  async function start(capabilities: readonly string[], keeps: boolean) {
    const seen: Record<string, string>[] = [];
    const server = new FakeServer()
      .on(endpointsV2.server.info, () => ({
        version: '1',
        api: [],
        capabilities: [...capabilities],
        storages: [],
        queueStorage: undefined,
      }))
      .on(queueEndpoints.produce, () => SUCCESS_REPLY)
      .on(endpointsV2.queue.produce, ({ items }) => {
        const metadata = items.map((sent) => Object.fromEntries(sent.metadata));
        if (!keeps && metadata.some((pairs) => Object.keys(pairs).length > 0)) throw lacking;
        seen.push(...metadata);
        return codecsV2.QueueProduceResponse.create({ items: items.map(() => ({ id: 'a' })) });
      });
    const client = createClient({ endpoint: 'http://queue.test', fetch: server.fetch });
    const port = clientProducePort(client, new ManualClock());
    await port.discover?.();
    return { port, seen };
  }

  test('goes with the items, the pairs for tracing as far as there is room', async () => {
    const { port, seen } = await start(['queue.produce', 'metadata'], true);
    const large = new Map([['large', 'x'.repeat(4_080)]]);
    const items = [
      { ...item, tracePairs },
      { ...item, tracePairs, metadata: new Map([['traceparent', 'mine']]) },
      { ...item, tracePairs, metadata: large },
      item,
    ];
    await port.produce(call({ items }));
    expect(seen).toEqual([tracePairs, { traceparent: 'mine' }, Object.fromEntries(large), {}]);
  });

  test('for tracing is left out where the queue keeps none', async () => {
    const { port, seen } = await start(['queue.produce', 'metadata'], false);
    await port.produce(call({ items: [{ ...item, tracePairs }] }));
    await port.produce(call({ items: [{ ...item, tracePairs }] }));
    expect(seen).toEqual([{}, {}]);
    const own = call({ items: [{ ...item, tracePairs, metadata: new Map([['a', 'b']]) }] });
    await expect(port.produce(own)).rejects.toThrow(lacking.message);
  });

  test('of a program is refused where the server does not know it', async () => {
    const { port, seen } = await start(['queue.produce'], true);
    await port.produce(call({ items: [{ ...item, tracePairs }] }));
    expect(seen).toEqual([{}]);
    const own = call({ items: [{ ...item, metadata: new Map([['a', 'b']]) }] });
    await expect(port.produce(own)).rejects.toBeInstanceOf(MissingCapabilityError);
  });
});

describe('the pairs of a trace', () => {
  const pairs = (n: number) => ({ traceparent: `00-${'a'.repeat(32)}-${`${n}`.repeat(16)}-01` });
  const item = { payload: new Uint8Array(), encoding: '', kind: '', reference: '' };
  const producedWith = async (capabilities: string[], numbers: number[]) => {
    const sent: (string | null)[] = [];
    const server = new FakeServer()
      .on(endpointsV2.server.info, () => ({
        ...{ version: '1', api: [], capabilities, storages: [], queueStorage: undefined },
      }))
      .on(endpointsV2.queue.produce, () => codecsV2.QueueProduceResponse.create({}))
      .on(queueEndpoints.produce, () => SUCCESS_REPLY);
    const fetch: typeof server.fetch = (url, init) => {
      if (url.endsWith('produce')) sent.push(new Headers(init.headers).get('traceparent'));
      return server.fetch(url, init);
    };
    const client = createClient({ endpoint: 'http://queue.test', fetch });
    const items = numbers.map((n) => ({ ...item, tracePairs: pairs(n) }));
    await clientProducePort(client, new ManualClock()).produce(call({ items }));
    return sent;
  };

  test('are headers of a request under /v1/ if all its items have the same', async () => {
    expect(await producedWith([], [1, 1])).toEqual([pairs(1).traceparent]);
    expect(await producedWith([], [1, 2])).toEqual([null]);
  });

  test('are headers of a request under /v2/, which continues the trace of its first item', async () => {
    expect(await producedWith(['queue.produce', 'metadata'], [1, 2])).toEqual([pairs(1).traceparent]);
  });
});
