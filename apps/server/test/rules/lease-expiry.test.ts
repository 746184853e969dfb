import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, textsOf, useWorlds, watch } from './support/world.ts';

const newWorld = useWorlds();

describe.each(DRIVERS)('leases that run out on %s', (driver) => {
  async function leasedWorld(settings = {}) {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q, { leaseTimeout: '10s', ...settings });
    await world.produce(q, 'a');
    return { world, q, leased: await world.lease(q) };
  }

  test('an expired item goes to the tail under a new id, with its attempts', async () => {
    const { world, q, leased } = await leasedWorld();
    const [before] = await world.items(q);
    expect(leased.items).toMatchObject([{ attempts: 1, leaseDeadline: world.in('10s') }]);
    await world.produce(q, 'b');
    await world.advance('10s');
    expect(await world.payloads(q)).toEqual(['a', 'b']);
    await world.advance('10ms');
    expect(await world.payloads(q)).toEqual(['b', 'a']);
    const after = (await world.items(q))[1];
    expect(after?.id).not.toBe(before?.id);
    expect(after).toMatchObject({ attempts: 1, isLeased: false, createdAt: before?.createdAt });
    expect(after?.leaseDeadline).toBeUndefined();
  });

  test('an id that expired, was retried or completed never completes the item again', async () => {
    const { world, q, leased } = await leasedWorld();
    const stale = [leased];
    await world.advance('11s');
    stale.push(await world.lease(q));
    await world.retry(q, stale[1] as typeof leased);
    const last = await world.lease(q);
    for (const old of stale) {
      await expect(world.complete(q, old)).rejects.toThrow('does not exist');
      await expect(world.retry(q, old)).rejects.toThrow('does not exist');
    }
    await world.complete(q, last);
    await expect(world.complete(q, last)).rejects.toThrow('does not exist');
    expect(await world.stats(q)).toMatchObject({ waiting: 0, leased: 0 });
  });

  test('a lease past its deadline that no sweep has seen yet can still be completed', async () => {
    const { world, q, leased } = await leasedWorld();
    world.clock.set(world.in('1h'));
    await world.complete(q, leased);
    await world.advance('0');
    expect(await world.items(q)).toEqual([]);
  });

  test('a complete that meets a sweep ends with the item either gone or back, never both', async () => {
    const { world, q, leased } = await leasedWorld();
    const letGo = world.storage().hold('sweep', 0, 'before');
    await world.advance('11s');
    const completed = watch(world.complete(q, leased));
    letGo();
    await world.settle();
    expect(await world.payloads(q)).toEqual(completed.state === 'fulfilled' ? [] : ['a']);
  });

  test('a lease taken before a restart runs out after it', async () => {
    const { world, q } = await leasedWorld();
    await world.restart();
    const again = watch(world.lease(q));
    await world.advance('9s');
    expect(again.state).toBe('pending');
    await world.advance('1.1s');
    expect(again.value?.items).toMatchObject([{ attempts: 2 }]);
  });

  test('G33: source_id survives lease expiry, retry and scheduling', async () => {
    const world = newWorld({ main: driver });
    const [dead, q] = [fresh('dead'), fresh()];
    await world.create(dead, { leaseTimeout: '10s' });
    await world.create(q, { deadQueue: dead });
    await world.produce(q, 'a');
    const died = await world.lease(q);
    await world.retry(q, died, { dead: true });
    const sourceId = died.items[0]?.id;
    const seen = async () => [...(await world.items(dead)), ...(await world.scheduled(dead))];
    await world.lease(dead);
    await world.advance('11s');
    expect(await seen()).toMatchObject([{ sourceId, attempts: 1 }]);
    await world.retry(dead, await world.lease(dead));
    expect(await seen()).toMatchObject([{ sourceId, attempts: 2 }]);
    await world.retry(dead, await world.lease(dead), { retryAt: world.in('5s') });
    expect(await seen()).toMatchObject([{ sourceId, attempts: 3 }]);
    await world.advance('6s');
    expect(await seen()).toMatchObject([{ sourceId, attempts: 3, isLeased: false }]);
    // Recognised to the end: a second copy of the dead letter is left out.
    const copy = { ...(await seen())[0], id: '' } as Awaited<ReturnType<typeof seen>>[number];
    await world.service.storage.importItems({ queueName: dead, partition: 0, items: [copy] });
    expect(await seen()).toHaveLength(1);
  });

  test('an item that keeps expiring keeps its place in line, with each lease counted once', async () => {
    const { world, q } = await leasedWorld();
    for (let attempts = 2; attempts <= 5; attempts++) {
      await world.advance('10.1s');
      expect((await world.lease(q)).items).toMatchObject([{ attempts }]);
    }
  });

  test('leases of one moment run out together, in their order', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q, { leaseTimeout: '10s' });
    await world.produce(q, ...'abcdef');
    await world.lease(q, 2);
    await world.advance('1s');
    await world.lease(q, 2);
    await world.advance('9.1s');
    expect(await world.payloads(q)).toEqual(['c', 'd', 'e', 'f', 'a', 'b']);
    await world.advance('1s');
    expect(textsOf(await world.lease(q, 6))).toEqual(['e', 'f', 'a', 'b', 'c', 'd']);
  });
});

test('G36: two services on one database never give an item to two consumers, nor sweep a lease twice', async () => {
  const world = newWorld({ main: 'postgres' });
  const q = fresh();
  await world.create(q, { leaseTimeout: '10s' });
  const other = world.instance();
  const texts = Array.from({ length: 60 }, (_, n) => `${n}`);
  for (const [n, text] of texts.entries()) {
    const call = {
      queueName: q,
      requestTimeout: '1m',
      items: [{ ...emptyItem, payload: Buffer.from(text) }],
    };
    await (n % 2 === 0 ? world.service : other).queue.produce(call);
  }
  expect(await world.payloads(q)).toEqual(texts);
  const lease = (service: typeof other, clientId: string) =>
    service.queue.lease({ queueName: q, clientId, batchSize: 7, requestTimeout: '1m' });
  for (let round = 0; round < 3; round++) {
    const got = await Promise.all([
      ...[0, 1, 2, 3].map((n) => lease(world.service, `a${n}`)),
      ...[0, 1, 2, 3].map((n) => lease(other, `b${n}`)),
    ]);
    const ids = got.flatMap(({ items }) => items.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    await world.advance('10.2s');
    const items = await world.items(q);
    expect(new Set(items.map(({ payload }) => Buffer.from(payload).toString())).size).toBe(texts.length);
    expect(items).toHaveLength(texts.length);
  }
});

const emptyItem = { encoding: '', kind: '', reference: '' };
