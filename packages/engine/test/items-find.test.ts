import type { Caller } from '@querator/core';
import { describe, expect, test } from 'vitest';
import type { FindItemsCall, ShownItem } from '../src/index.ts';
import { Harness, item, payloadOf } from './support/harness.ts';

const SEARCH = { queueName: 'q', filter: {}, cursor: '', limit: 0, withPayload: true };

const textsOf = (items: readonly ShownItem[]) =>
  items.map(({ payload }) => payloadOf({ payload: payload ?? new Uint8Array() }));

/** A queue of three partitions with two items each: `a0` and `b0` in the first one. */
async function withItems(): Promise<Harness> {
  const h = new Harness();
  await h.create('q', { requestedPartitions: 3 });
  for (const partition of [0, 1, 2]) {
    const items = ['a', 'b'].map((text) => item(`${text}${partition}`));
    await h.service.storage.importItems({
      ...{ queueName: 'q', partition },
      items: items.map((each) => ({
        ...each,
        kind: `k${partition % 2}`,
        isLeased: false,
        attempts: 0,
        maxAttempts: 0,
      })),
    });
  }
  return h;
}

const find = (h: Harness, call: Partial<FindItemsCall> = {}) => h.service.items.find({ ...SEARCH, ...call });

describe('items.find', () => {
  test('reads the partitions in order, page by page', async () => {
    const h = await withItems();
    expect(textsOf((await find(h)).items)).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2']);
    const pages: string[][] = [];
    let cursor = '';
    do {
      const page = await find(h, { cursor, limit: 4 });
      pages.push(textsOf(page.items));
      cursor = page.cursor;
    } while (cursor !== '');
    expect(pages).toEqual([
      ['a0', 'b0', 'a1', 'b1'],
      ['a2', 'b2'],
    ]);
    // A page may end in the middle of a partition, and no page has more items than the limit.
    const odd = await find(h, { limit: 3 });
    expect(textsOf(odd.items)).toEqual(['a0', 'b0', 'a1']);
    expect(textsOf((await find(h, { cursor: odd.cursor, limit: 3 })).items)).toEqual(['b1', 'a2', 'b2']);
    const one = await find(h, { limit: 1, filter: { kind: 'k1' } });
    expect(textsOf(one.items)).toEqual(['a1']);
    // A cursor belongs to no filter.
    expect(textsOf((await find(h, { cursor: one.cursor })).items)).toEqual(['b1', 'a2', 'b2']);
  });

  test('reads a bounded number of items, and goes on with the cursor', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 2 });
    const plain = { ...item('a'), isLeased: false, attempts: 0, maxAttempts: 0 };
    for (const partition of [0, 1]) {
      const items = Array.from({ length: 15_000 }, () => plain);
      await h.service.storage.importItems({ queueName: 'q', partition, items });
    }
    const filter = { kind: 'other' };
    const first = await find(h, { filter });
    expect(first).toMatchObject({ items: [], scanned: 20_000, cursor: expect.stringMatching(/./) });
    const rest = await find(h, { filter, cursor: first.cursor });
    expect(rest).toEqual({ items: [], scanned: 10_000, cursor: '' });
    const by = 'kind';
    const counted = await h.service.items.summarize({ ...SEARCH, by });
    expect(counted).toMatchObject({ groups: [{ value: 'test', count: 20_000 }], others: 0, scanned: 20_000 });
    const { groups } = await h.service.items.summarize({ ...SEARCH, by, cursor: counted.cursor });
    expect(groups).toEqual([{ value: 'test', count: 10_000 }]);
  });

  test('answers what it found before a partition that fails', async () => {
    const h = await withItems();
    h.storage.cut(1);
    const page = await find(h);
    expect(textsOf(page.items)).toEqual(['a0', 'b0']);
    await expect(find(h, { cursor: page.cursor })).rejects.toMatchObject({
      code: 'retry',
      reason: 'unavailable',
    });
    h.storage.heal(1);
    expect(textsOf((await find(h, { cursor: page.cursor })).items)).toEqual(['a1', 'b1', 'a2', 'b2']);
  });

  test('runs two searches at a time on a storage, and others in turn', async () => {
    const h = await withItems();
    const release = h.storage.hold('find', 0);
    const finds = Array.from({ length: 5 }, () => find(h));
    await h.settle();
    expect(h.storage.count('find')).toBe(2);
    release();
    expect((await Promise.all(finds)).map(({ items }) => items.length)).toEqual([6, 6, 6, 6, 6]);
  });

  test('shows no id that would prove the lease of somebody else', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c']);
    const [first] = (await h.lease('q', 1)).items;
    await h.service.queue.retry({
      queueName: 'q',
      partition: 0,
      items: [{ id: first?.id ?? '', dead: false }],
    });
    await h.lease('q', 3);
    const may = (...permissions: string[]): Caller => ({
      principal: undefined as never,
      may: (permission) => permissions.includes(permission),
    });
    const idsFor = async (caller: Caller | undefined) =>
      (await h.service.items.find(SEARCH, { caller })).items.map(({ id, details }) => [id, details.firstId]);
    const all = await idsFor(undefined);
    expect(all.flat()).not.toContain(undefined);
    expect(await idsFor(may('queue.stats', 'queue.complete'))).toEqual(all);
    expect(await idsFor(may('queue.stats'))).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      // Its first id is no proof any more.
      [undefined, first?.id],
    ]);
  });

  test('a cursor that is none is refused, and one beyond the last partition is at the end', async () => {
    const h = await withItems();
    const encoded = (text: string) => Buffer.from(text).toString('base64url');
    for (const cursor of [
      'x',
      encoded('0.'.repeat(99)),
      encoded('1'),
      encoded("0.'; DROP TABLE"),
      encoded('-1.'),
    ]) {
      await expect(find(h, { cursor })).rejects.toMatchObject({
        ...{ code: 'invalid', message: 'cursor is invalid; expected the cursor of a reply' },
      });
    }
    expect(await find(h, { cursor: encoded('99.') })).toEqual({ items: [], scanned: 0, cursor: '' });
  });
});

describe('items.summarize', () => {
  test('counts by kind, error and reason, the greatest first', async () => {
    const h = await withItems();
    const by = async (text: string, filter = {}) => {
      const { groups } = await h.service.items.summarize({ ...SEARCH, filter, by: text });
      return groups.map(({ value, count }) => [value, count]);
    };
    expect(await by('kind')).toEqual([
      ['k0', 4],
      ['k1', 2],
    ]);
    expect(await by('kind', { kind: 'k1' })).toEqual([['k1', 2]]);
    const { items, partition } = await h.lease('q', 2);
    const [a, b] = items.map(({ id }) => id) as [string, string];
    await h.service.queue.retry({
      ...{ queueName: 'q', partition },
      items: [
        { id: a, dead: false, error: 'no such user' },
        { id: b, dead: false, error: 'no such user' },
      ],
    });
    expect(await by('error')).toEqual([
      ['', 4],
      ['no such user', 2],
    ]);
    expect(await by('reason')).toEqual([['', 6]]);
  });

  test('counts by state, by the queue of a dead letter, and by a key of the metadata', async () => {
    const h = new Harness();
    await h.create('q');
    const tenants = ['blue', 'red', 'blue', undefined];
    const items = tenants.map((tenant, n) => ({
      ...item(`i${n}`),
      metadata: new Map(tenant === undefined ? [] : [['tenant', tenant]]),
    }));
    await h.service.queue.produce({ queueName: 'q', requestTimeout: '1m', items });
    await h.lease('q');
    const by = async (text: string) => {
      const { groups } = await h.service.items.summarize({ ...SEARCH, by: text });
      return groups.map(({ value, count }) => [value, count]);
    };
    expect(await by('metadata.tenant')).toEqual([
      ['blue', 2],
      ['', 1],
      ['red', 1],
    ]);
    expect(await by('metadata.Tenant')).toEqual([['', 4]]);
    expect(await by('source_queue')).toEqual([['', 4]]);
    expect(await by('state')).toEqual([
      ['waiting', 3],
      ['leased', 1],
    ]);
  });

  test.each(['', 'size', 'metadata', 'metadata.', 'Kind'])('refuses to count by %j', async (by) => {
    const h = await withItems();
    await expect(h.service.items.summarize({ ...SEARCH, by })).rejects.toMatchObject({
      code: 'invalid',
      message: `by is invalid; '${by}' is none of 'reason', 'error', 'kind', 'state', 'source_queue', 'metadata.<key>'`,
    });
  });

  test('shows at most 1,000 groups, and counts the others', async () => {
    const h = new Harness();
    await h.create('q');
    const kinds = Array.from({ length: 1_500 }, (_, n) => `kind ${n}`);
    const items = kinds.map((kind) => ({ ...item('a'), kind, isLeased: false, attempts: 0, maxAttempts: 0 }));
    await h.service.storage.importItems({ queueName: 'q', partition: 0, items });
    const { groups, others } = await h.service.items.summarize({ ...SEARCH, by: 'kind' });
    expect([groups.length, others]).toEqual([1_000, 500]);
  });
});
