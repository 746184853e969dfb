import { SystemClock, SystemRandom, silentLogger } from '@querator/core';
import { codecs } from '@querator/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Composition, compose } from '../../src/compose.ts';
import { defaultConfig } from '../../src/config/load.ts';
import { STORAGES, TestServer } from '../support/test-server.ts';

const LARGE = 3_600_000;
const MORE = 'querator-more';
const IN_AN_HOUR = { seconds: Math.floor(Date.now() / 1_000) + 3_600, nanos: 0 };

describe.each(STORAGES)('pages on %s', (storage) => {
  const server = new TestServer();
  beforeAll(() => server.start(storage));
  afterAll(() => server.dispose());

  async function create(queue_name: string): Promise<void> {
    const settings = { queue_name, lease_timeout: '1m', expire_timeout: '24h', requested_partitions: 1 };
    expect((await server.post('/v1/queues.create', settings)).status).toBe(200);
  }

  /** Stores these payloads as they are, and returns the reply. */
  async function importAll(queueName: string, payloads: readonly Uint8Array[], rest: object = {}) {
    const items = payloads.map((payload, n) => ({ payload, reference: `${n}`, ...rest }));
    const body = codecs.StorageItemsImportRequest.encode(
      codecs.StorageItemsImportRequest.create({ queueName, partition: 0, items }),
    );
    return server.post('/v1/storage/items.import', body, { 'Content-Type': 'application/protobuf' });
  }

  test.each([
    ['items.list', {}],
    ['scheduled.list', { enqueueAt: IN_AN_HOUR }],
  ] as const)(
    '%s ends at the content budget with the header, and the next pages have the rest',
    async (path, rest) => {
      const queue_name = `large-${path}`;
      await create(queue_name);
      for (let start = 0; start < 12; start += 6) {
        await importAll(queue_name, Array(6).fill(new Uint8Array(LARGE)), rest);
      }
      const ids: string[] = [];
      const sizes: number[] = [];
      for (let pivot = '', more = true; more; pivot = ids.at(-1) as string) {
        const page = await server.post(`/v1/storage/${path}`, { queue_name, pivot });
        const items: { id: string; payload: string }[] = page.json.items;
        more = page.headers.get(MORE) === 'true';
        if (!more) expect(page.headers.has(MORE)).toBe(false);
        expect(page.text.length).toBeLessThan(30_000_000);
        expect(items[0]?.payload.length).toBe((LARGE / 3) * 4);
        sizes.push(items.length);
        ids.push(...items.map(({ id }) => id).filter((id) => id !== pivot));
      }
      expect(sizes).toEqual([5, 5, 4]);
      expect(new Set(ids).size).toBe(12);
      expect(ids.toSorted()).toEqual(ids);
    },
  );

  test('a page has two items, whatever their size', async () => {
    await create('huge');
    for (let n = 0; n < 3; n++) await importAll('huge', [new Uint8Array(17_000_000)]);
    const first = await server.post('/v1/storage/items.list', { queue_name: 'huge' });
    expect(first.json.items).toHaveLength(2);
    expect(first.headers.get(MORE)).toBe('true');
    const pivot = first.json.items[1].id;
    const second = await server.post('/v1/storage/items.list', { queue_name: 'huge', pivot });
    expect(second.json.items).toHaveLength(2);
    expect(second.json.items[0].id).toBe(pivot);
    expect(second.headers.has(MORE)).toBe(false);
  });

  test('the header shows whether items follow after the limit', async () => {
    await create('small');
    await importAll('small', Array(5).fill(new Uint8Array(3)));
    const listed = async (limit: number) => {
      const { json, headers } = await server.post('/v1/storage/items.list', { queue_name: 'small', limit });
      return [json.items.length, headers.get(MORE)];
    };
    expect(await listed(1)).toEqual([1, 'true']);
    expect(await listed(4)).toEqual([4, 'true']);
    expect(await listed(5)).toEqual([5, null]);
    expect(await listed(6)).toEqual([5, null]);
    expect(await listed(0)).toEqual([5, null]);
    await server.post('/v1/queue.clear', { queue_name: 'small', queue: true });
    const empty = await server.post('/v1/storage/items.list', { queue_name: 'small' });
    expect([empty.text, empty.headers.get(MORE)]).toEqual(['{}', null]);
  });

  test('the reply to an import is limited like a page, and all items are stored', async () => {
    await create('imported');
    const reply = await importAll('imported', Array(10).fill(new Uint8Array(5_000_000)));
    expect(reply.status).toBe(200);
    expect(reply.json.items).toHaveLength(4);
    expect(reply.headers.get(MORE)).toBe('true');
    const stats = await server.post('/v1/queue.stats', { queue_name: 'imported' });
    expect(stats.json.logicalQueues[0].partitions[0].total).toBe(10);
    const small = await importAll('imported', Array(3).fill(new Uint8Array(3)));
    expect(small.json.items).toHaveLength(3);
    expect(small.headers.has(MORE)).toBe(false);
  });

  test('the header shows whether queues follow in queues.list', async () => {
    await create('zz-1');
    await create('zz-2');
    const listed = async (limit: number) => {
      const { json, headers } = await server.post('/v1/queues.list', { pivot: 'zz', limit });
      return [json.items.length, headers.get(MORE)];
    };
    expect(await listed(1)).toEqual([1, 'true']);
    expect(await listed(2)).toEqual([2, null]);
    expect(await listed(0)).toEqual([2, null]);
  });

  test('an error reply has no header of a page', async () => {
    const refused = await server.post('/v1/storage/items.list', { queue_name: 'nosuch' });
    expect(refused.status).toBe(400);
    expect(refused.headers.has(MORE)).toBe(false);
  });
});

describe('without a connection', () => {
  let server: Composition;
  beforeAll(() => {
    const deps = { clock: new SystemClock(), random: new SystemRandom(), logger: silentLogger };
    server = compose(defaultConfig(), deps);
  });
  afterAll(() => server.stop());

  test('has the same header', async () => {
    const ask = (path: string, message: object) => {
      const headers = { 'Content-Type': 'application/json' };
      const init = { method: 'POST', headers, body: JSON.stringify(message) };
      return server.app.fetch(new Request(`http://in.process${path}`, init), {});
    };
    const settings = { leaseTimeout: '1m', expireTimeout: '1h', requestedPartitions: 1 };
    for (const queueName of ['a', 'b']) await ask('/v1/queues.create', { queueName, ...settings });
    expect((await ask('/v1/queues.list', { limit: 1 })).headers.get(MORE)).toBe('true');
    const whole = await ask('/v1/queues.list', { limit: 2 });
    expect(whole.headers.has(MORE)).toBe(false);
    expect(whole.headers.get('x-content-type-options')).toBe('nosniff');
  });
});
