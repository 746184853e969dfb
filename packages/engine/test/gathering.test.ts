import { describe, expect, test } from 'vitest';
import { Harness } from './support/harness.ts';

const texts = (name: string, count: number) => Array.from({ length: count }, (_, n) => `${name}-${n}`);

/** A queue that allows several statements of a kind, with one statement of that many items in flight. */
async function withOneUnderWay(items: number) {
  const h = new Harness({ statementsInFlight: 3 });
  await h.create('q');
  await h.service.queue.stats('q');
  const release = h.storage.hold('produce', 0);
  const all = texts('first', items).map((text) => h.produce('q', [text]));
  await h.settle();
  expect(h.storage.count('produce')).toBe(1);
  return { h, release, all };
}

describe('requests that arrive while a statement is in flight', () => {
  test('wait until they are as many as the requests in the statement', async () => {
    const { h, release, all } = await withOneUnderWay(5);
    for (const text of texts('second', 4)) {
      all.push(h.produce('q', [text]));
      await h.settle();
    }
    expect(h.storage.count('produce')).toBe(1);
    all.push(h.produce('q', ['second-4']));
    await h.settle();
    expect(h.storage.count('produce')).toBe(2);
    // A third statement is compared with these two.
    all.push(...texts('third', 4).map((text) => h.produce('q', [text])));
    await h.settle();
    expect(h.storage.count('produce')).toBe(2);
    release();
    await Promise.all(all);
  });

  test('wait at most until the statement ends', async () => {
    const { h, release, all } = await withOneUnderWay(5);
    all.push(h.produce('q', ['second']));
    await h.settle();
    release();
    await Promise.all(all);
    expect(h.storage.count('produce')).toBe(2);
    expect(await h.payloads('q')).toEqual([...texts('first', 5), 'second']);
  });

  test('are sent at once if they have many items', async () => {
    const { h, release, all } = await withOneUnderWay(99);
    all.push(h.produce('q', texts('second', 50)));
    await h.settle();
    expect(h.storage.count('produce')).toBe(2);
    release();
    await Promise.all(all);
  });

  test('follow the same rules if they are completes', async () => {
    const h = new Harness({ statementsInFlight: 3 });
    await h.create('q');
    await h.produce('q', texts('item', 9));
    const { items } = await h.lease('q', 9);
    const complete = (from: number, to: number) =>
      items
        .slice(from, to)
        .map(({ id }) =>
          h.service.queue.complete({ queueName: 'q', partition: 0, requestTimeout: '1m', ids: [id] }),
        );
    const release = h.storage.hold('complete', 0);
    const all = complete(0, 3);
    await h.settle();
    all.push(...complete(3, 5));
    await h.settle();
    expect(h.storage.count('complete')).toBe(1);
    all.push(...complete(5, 6));
    await h.settle();
    expect(h.storage.count('complete')).toBe(2);
    all.push(...complete(6, 9));
    await h.settle();
    expect(h.storage.count('complete')).toBe(3);
    release();
    await Promise.all(all);
    expect(await h.payloads('q')).toEqual([]);
  });

  test('follow the same rules if they are leases', async () => {
    const h = new Harness({ statementsInFlight: 3 });
    await h.create('q');
    await h.produce('q', texts('item', 20));
    const release = h.storage.hold('lease', 0);
    const lease = (count: number) => Array.from({ length: count }, () => h.lease('q'));
    const all = lease(3);
    await h.settle();
    const before = h.storage.count('lease');
    all.push(...lease(2));
    await h.settle();
    expect(h.storage.count('lease')).toBe(before);
    all.push(...lease(1));
    await h.settle();
    expect(h.storage.count('lease')).toBe(before + 1);
    release();
    const leased = await Promise.all(all);
    expect(new Set(leased.flatMap(({ items }) => items.map(({ id }) => id))).size).toBe(6);
  });
});
