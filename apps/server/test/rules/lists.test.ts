import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, item, queueCall, textOf, useFixtures } from './support/service-fixture.ts';

const newFixture = useFixtures();

describe.each(DRIVERS)('lists on %s', (driver) => {
  test.each(['listItems', 'listScheduled'] as const)(
    '%s: pages start at the pivot, whether it exists or not, and never show the other kind',
    async (method) => {
      const fixture = newFixture({ main: driver });
      const q = fresh();
      await fixture.create(q);
      const enqueueAt = fixture.in('1h');
      await fixture.produce(q, ...'abcdef', ...[...'uvwxyz'].map((text) => item(text, { enqueueAt })));
      const expected = method === 'listItems' ? 'abcdef' : 'uvwxyz';
      const list = async (pivot: string, limit = 0) => {
        const call = { queueName: q, partition: 0, pivot, limit };
        return (await fixture.service.storage[method](call)).map(textOf).join('');
      };
      const ids = (
        await fixture.service.storage[method]({ queueName: q, partition: 0, pivot: '', limit: 0 })
      ).map(({ id }) => id);
      expect([...ids].sort()).toEqual(ids);
      expect(await list('')).toBe(expected);
      expect(await list('  ')).toBe(expected);
      expect(await list('', 2)).toBe(expected.slice(0, 2));
      expect(await list(ids[2] as string, 2)).toBe(expected.slice(2, 4));
      expect(await list(ids[5] as string)).toBe(expected.slice(5));
      await fixture.service.storage.deleteItems({ queueName: q, partition: 0, ids: [ids[2] as string] });
      expect(await list(ids[2] as string, 2)).toBe(expected.slice(3, 5));
      expect(await list('aWgEPTl1tmebfsQzFP4bxwgy80V')).toBe('');
      expect(await list('0'.repeat(27), 1)).toBe(expected.slice(0, 1));
      await expect(list('short')).rejects.toThrow(
        "invalid storage id; 'short': Valid encoded KSUIDs are 27 characters",
      );
    },
  );

  test('G41: a negative limit is refused on every list', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const text = 'limit is invalid; limit cannot be negative';
    const call = { queueName: q, partition: 0, pivot: '', limit: -1 };
    await expect(fixture.service.storage.listItems(call)).rejects.toThrow(text);
    await expect(fixture.service.storage.listScheduled(call)).rejects.toThrow(text);
    await expect(fixture.service.queues.list({ namespace: '', pivot: '', limit: -1 })).rejects.toThrow(text);
  });

  test('a limit of 0 means a thousand', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const texts = Array.from({ length: 501 }, (_, n) => `${n}`);
    await fixture.produce(q, ...texts);
    await fixture.produce(q, ...texts);
    expect(await fixture.payloads(q)).toHaveLength(1_000);
    const all = await fixture.service.storage.listItems({
      queueName: q,
      partition: 0,
      pivot: '',
      limit: 2_000,
    });
    expect(all).toHaveLength(1_002);
  });

  test('G38: queues.list filters by namespace before it limits', async () => {
    const fixture = newFixture({ main: driver });
    const [mine, foreign] = [fresh('ns'), fresh('ns')];
    const names = ['a', 'b', 'c', 'd'].map((letter) => `${letter}-${mine}`);
    for (const [n, name] of names.entries()) {
      await fixture.service.queues.create(queueCall(name, { namespace: mine }));
      await fixture.service.queues.create(queueCall(`${'abcd'[n]}-${foreign}`, { namespace: foreign }));
    }
    const list = async (pivot: string, limit = 0) =>
      (await fixture.service.queues.list({ namespace: mine, pivot, limit })).map(({ name }) => name);
    expect(await list('')).toEqual(names);
    expect(await list('', 1)).toEqual(names.slice(0, 1));
    expect(await list('b', 1)).toEqual([names[1]]);
    expect(await list(names[1] as string, 2)).toEqual(names.slice(1, 3));
    expect(await list('bb')).toEqual(names.slice(2));
    expect(await list('zzz')).toEqual([]);
    expect(await list('   ')).toEqual(names);
    await fixture.service.queues.delete(names[1] as string, false);
    expect(await list(names[1] as string, 1)).toEqual([names[2]]);
    expect(await fixture.service.queues.list({ namespace: fresh('none'), pivot: '', limit: 0 })).toEqual([]);
  });

  test('G39: queues are ordered by the bytes of their names', async () => {
    const fixture = newFixture({ main: driver });
    const namespace = fresh('ns');
    const names = ['Z', '_', 'a', 'a-', 'aB', 'ab', 'b', 'é', '日', '\ue000', '😀'].map(
      (name) => `${name}${namespace}`,
    );
    for (const name of [...names].reverse()) {
      await fixture.service.queues.create(queueCall(name, { namespace }));
    }
    const byBytes = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const listed = await fixture.service.queues.list({ namespace, pivot: '', limit: 0 });
    expect(listed.map(({ name }) => name)).toEqual(byBytes);
    for (const [n, pivot] of byBytes.entries()) {
      const page = await fixture.service.queues.list({ namespace, pivot, limit: 2 });
      expect(page.map(({ name }) => name)).toEqual(byBytes.slice(n, n + 2));
    }
  });

  test('G39: an update stores the requested number of partitions, and changes the actual number of none', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.service.queues.update(queueCall(q, { requestedPartitions: 5 }));
    expect(await fixture.service.queues.info(q)).toMatchObject({
      requestedPartitions: 5,
      partitions: [{ partition: 0, storageName: 'main' }],
    });
  });
});
