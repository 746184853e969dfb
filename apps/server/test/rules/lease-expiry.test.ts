import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, textsOf, useFixtures, watch } from './support/service-fixture.ts';

const newFixture = useFixtures();

describe.each(DRIVERS)('ended leases on %s', (driver) => {
  async function leasedFixture(settings = {}) {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { leaseTimeout: '10s', ...settings });
    await fixture.produce(q, 'a');
    return { fixture, q, leased: await fixture.lease(q) };
  }

  test('an item whose lease ended goes to the tail under a new id, with its attempts', async () => {
    const { fixture, q, leased } = await leasedFixture();
    const [before] = await fixture.items(q);
    expect(leased.items).toMatchObject([{ attempts: 1, leaseDeadline: fixture.in('10s') }]);
    await fixture.produce(q, 'b');
    await fixture.advance('10s');
    expect(await fixture.payloads(q)).toEqual(['a', 'b']);
    await fixture.advance('10ms');
    expect(await fixture.payloads(q)).toEqual(['b', 'a']);
    const after = (await fixture.items(q))[1];
    expect(after?.id).not.toBe(before?.id);
    expect(after).toMatchObject({ attempts: 1, isLeased: false, createdAt: before?.createdAt });
    expect(after?.leaseDeadline).toBeUndefined();
  });

  test('an id that expired, was retried or completed never completes the item again', async () => {
    const { fixture, q, leased } = await leasedFixture();
    const stale = [leased];
    await fixture.advance('11s');
    stale.push(await fixture.lease(q));
    await fixture.retry(q, stale[1] as typeof leased);
    const last = await fixture.lease(q);
    for (const old of stale) {
      await expect(fixture.complete(q, old)).rejects.toThrow('does not exist');
      await expect(fixture.retry(q, old)).rejects.toThrow('does not exist');
    }
    await fixture.complete(q, last);
    await expect(fixture.complete(q, last)).rejects.toThrow('does not exist');
    expect(await fixture.stats(q)).toMatchObject({ waiting: 0, leased: 0 });
  });

  test('a lease past its deadline can be completed until a sweep has found it', async () => {
    const { fixture, q, leased } = await leasedFixture();
    fixture.clock.set(fixture.in('1h'));
    await fixture.complete(q, leased);
    await fixture.advance('0');
    expect(await fixture.items(q)).toEqual([]);
  });

  test('a complete that coincides with a sweep leaves the item either completed or waiting', async () => {
    const { fixture, q, leased } = await leasedFixture();
    const release = fixture.storage().hold('sweep', 0, 'before');
    await fixture.advance('11s');
    const completed = watch(fixture.complete(q, leased));
    release();
    await fixture.settle();
    expect(await fixture.payloads(q)).toEqual(completed.state === 'fulfilled' ? [] : ['a']);
  });

  test('a lease taken before a restart ends after it', async () => {
    const { fixture, q } = await leasedFixture();
    await fixture.restart();
    const again = watch(fixture.lease(q));
    await fixture.advance('9s');
    expect(again.state).toBe('pending');
    await fixture.advance('1.1s');
    expect(again.value?.items).toMatchObject([{ attempts: 2 }]);
  });

  test('G33: source_id survives the end of a lease, retry and scheduling', async () => {
    const fixture = newFixture({ main: driver });
    const [dead, q] = [fresh('dead'), fresh()];
    await fixture.create(dead, { leaseTimeout: '10s' });
    await fixture.create(q, { deadQueue: dead });
    await fixture.produce(q, 'a');
    const died = await fixture.lease(q);
    await fixture.retry(q, died, { dead: true });
    const sourceId = died.items[0]?.id;
    const seen = async () => [...(await fixture.items(dead)), ...(await fixture.scheduled(dead))];
    await fixture.lease(dead);
    await fixture.advance('11s');
    expect(await seen()).toMatchObject([{ sourceId, attempts: 1 }]);
    await fixture.retry(dead, await fixture.lease(dead));
    expect(await seen()).toMatchObject([{ sourceId, attempts: 2 }]);
    await fixture.retry(dead, await fixture.lease(dead), { retryAt: fixture.in('5s') });
    expect(await seen()).toMatchObject([{ sourceId, attempts: 3 }]);
    await fixture.advance('6s');
    expect(await seen()).toMatchObject([{ sourceId, attempts: 3, isLeased: false }]);
    // The source id stays known: a second copy of the dead letter is left out.
    const copy = { ...(await seen())[0], id: '' } as Awaited<ReturnType<typeof seen>>[number];
    await fixture.service.storage.importItems({ queueName: dead, partition: 0, items: [copy] });
    expect(await seen()).toHaveLength(1);
  });

  test('an item whose leases keep ending keeps its turn, and each lease counts once', async () => {
    const { fixture, q } = await leasedFixture();
    for (let attempts = 2; attempts <= 5; attempts++) {
      await fixture.advance('10.1s');
      expect((await fixture.lease(q)).items).toMatchObject([{ attempts }]);
    }
  });

  test('leases of one instant end together, in their order', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { leaseTimeout: '10s' });
    await fixture.produce(q, ...'abcdef');
    await fixture.lease(q, 2);
    await fixture.advance('1s');
    await fixture.lease(q, 2);
    await fixture.advance('9.1s');
    expect(await fixture.payloads(q)).toEqual(['c', 'd', 'e', 'f', 'a', 'b']);
    await fixture.advance('1s');
    expect(textsOf(await fixture.lease(q, 6))).toEqual(['e', 'f', 'a', 'b', 'c', 'd']);
  });
});

test('G36: two services on one database never lease an item twice, and end each lease once', async () => {
  const fixture = newFixture({ main: 'postgres' });
  const q = fresh();
  await fixture.create(q, { leaseTimeout: '10s' });
  const other = fixture.instance();
  const texts = Array.from({ length: 60 }, (_, n) => `${n}`);
  for (const [n, text] of texts.entries()) {
    const call = {
      queueName: q,
      requestTimeout: '1m',
      items: [{ ...emptyItem, payload: Buffer.from(text) }],
    };
    await (n % 2 === 0 ? fixture.service : other).queue.produce(call);
  }
  expect(await fixture.payloads(q)).toEqual(texts);
  const lease = (service: typeof other, clientId: string) =>
    service.queue.lease({ queueName: q, clientId, batchSize: 7, requestTimeout: '1m' });
  for (let round = 0; round < 3; round++) {
    const got = await Promise.all([
      ...[0, 1, 2, 3].map((n) => lease(fixture.service, `a${n}`)),
      ...[0, 1, 2, 3].map((n) => lease(other, `b${n}`)),
    ]);
    const ids = got.flatMap(({ items }) => items.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
    await fixture.advance('10.2s');
    const items = await fixture.items(q);
    expect(new Set(items.map(({ payload }) => Buffer.from(payload).toString())).size).toBe(texts.length);
    expect(items).toHaveLength(texts.length);
  }
});

const emptyItem = { encoding: '', kind: '', reference: '' };
