import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, item, textsOf, useFixtures, watch } from './support/service-fixture.ts';

const newFixture = useFixtures();

describe.each(DRIVERS)('retry on %s', (driver) => {
  async function leasedFixture(...texts: string[]) {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.produce(q, ...texts);
    return { fixture, q, leased: await fixture.lease(q, texts.length) };
  }

  test('puts the item at the tail at once under a new id, and the old id is invalid', async () => {
    const { fixture, q, leased } = await leasedFixture('a');
    const [before] = await fixture.items(q);
    await fixture.produce(q, 'b');
    await fixture.retry(q, leased);
    expect(await fixture.payloads(q)).toEqual(['b', 'a']);
    const after = (await fixture.items(q))[1];
    expect(after?.id).not.toBe(before?.id);
    expect(after).toMatchObject({
      attempts: 1,
      isLeased: false,
      createdAt: before?.createdAt,
      expireDeadline: before?.expireDeadline,
    });
    await expect(fixture.complete(q, leased)).rejects.toThrow(`'${before?.id}' does not exist`);
    expect((await fixture.lease(q, 2)).items.map(({ attempts }) => attempts)).toEqual([1, 2]);
  });

  test.each(['-1h', '0', '99ms'])('for a time %s from now takes effect at once', async (by) => {
    const { fixture, q, leased } = await leasedFixture('a');
    await fixture.retry(q, leased, { retryAt: fixture.in(by) });
    expect(await fixture.payloads(q)).toEqual(['a']);
    expect(await fixture.scheduled(q)).toEqual([]);
  });

  test.each(['100ms', '1h'])('for a time %s from now schedules the item until then', async (by) => {
    const { fixture, q, leased } = await leasedFixture('a');
    const retryAt = fixture.in(by);
    await fixture.retry(q, leased, { retryAt });
    expect(await fixture.payloads(q)).toEqual([]);
    expect(await fixture.scheduled(q)).toMatchObject([{ enqueueAt: retryAt, attempts: 1, isLeased: false }]);
    await expect(fixture.complete(q, leased)).rejects.toThrow('does not exist');
    const waiting = watch(fixture.lease(q, 1, { requestTimeout: '15m' }));
    await fixture.advance('99ms');
    expect(waiting.state).toBe('pending');
    if (by === '1h') return;
    await fixture.advance('10ms');
    expect(waiting.value?.items).toMatchObject([{ attempts: 2 }]);
    expect(waiting.value?.items[0]?.id).not.toBe(leased.items[0]?.id);
  });

  test('G12: with different times returns each item at its own time', async () => {
    const { fixture, q, leased } = await leasedFixture('now', 'near', 'far', 'farther');
    const delays = [undefined, '1s', '10m', '2h'];
    await fixture.service.queue.retry({
      queueName: q,
      partition: 0,
      items: leased.items.map(({ id }, i) => {
        const by = delays[i];
        return { id, dead: false, retryAt: by === undefined ? undefined : fixture.in(by) };
      }),
    });
    expect(await fixture.payloads(q)).toEqual(['now']);
    await fixture.advance('1.1s');
    expect(await fixture.payloads(q)).toEqual(['now', 'near']);
    await fixture.advance('10m');
    expect(await fixture.payloads(q)).toEqual(['now', 'near', 'far']);
    await fixture.advance('2h');
    expect(await fixture.payloads(q)).toEqual(['now', 'near', 'far', 'farther']);
  });

  test('G9: with dead moves the item to the dead-letter queue at once, whatever time it has', async () => {
    const fixture = newFixture({ main: driver });
    const [dead, q] = [fresh('dead'), fresh()];
    await fixture.create(dead);
    await fixture.create(q, { deadQueue: dead });
    await fixture.produce(q, 'a', 'b');
    const leased = await fixture.lease(q, 2);
    await fixture.retry(q, leased, { dead: true, retryAt: fixture.in('1h') });
    expect(await fixture.payloads(q)).toEqual([]);
    expect(await fixture.payloads(dead)).toEqual(['a', 'b']);
    const moved = await fixture.items(dead);
    expect(moved.map(({ sourceId }) => sourceId)).toEqual(leased.items.map(({ id }) => id));
    expect(moved[0]).toMatchObject({ attempts: 0, isLeased: false, kind: 'test', reference: 'ref' });
    await expect(fixture.complete(q, leased)).rejects.toThrow('does not exist');
  });

  test('with dead deletes the item if there is no dead-letter queue, and the log says so', async () => {
    const { fixture, q, leased } = await leasedFixture('a', 'b');
    await fixture.retry(q, leased, { dead: true });
    expect(await fixture.stats(q)).toMatchObject({ waiting: 0, leased: 0, scheduled: 0 });
    expect(fixture.logged).toContainEqual({
      level: 'warn',
      message: 'deleted items that used up their attempts or time',
      fields: { queue: q, partition: 0, items: 2 },
    });
  });

  test('G10: of an item whose attempts have reached max_attempts makes it dead', async () => {
    const fixture = newFixture({ main: driver });
    const [dead, q] = [fresh('dead'), fresh()];
    await fixture.create(dead);
    await fixture.create(q, { deadQueue: dead, maxAttempts: 2 });
    await fixture.produce(q, 'a');
    await fixture.retry(q, await fixture.lease(q));
    expect(await fixture.payloads(q)).toEqual(['a']);
    const second = await fixture.lease(q);
    expect(second.items[0]?.attempts).toBe(2);
    await fixture.retry(q, second, { retryAt: fixture.in('1h') });
    expect([await fixture.payloads(q), await fixture.scheduled(q)]).toEqual([[], []]);
    expect(await fixture.items(dead)).toMatchObject([{ sourceId: second.items[0]?.id, attempts: 0 }]);
  });

  test('G34: for a later time puts the item behind items that were produced meanwhile, under a new id', async () => {
    const { fixture, q, leased } = await leasedFixture('a');
    await fixture.retry(q, leased, { retryAt: fixture.in('1s') });
    await fixture.produce(q, 'meanwhile');
    await fixture.advance('1.1s');
    expect(await fixture.payloads(q)).toEqual(['meanwhile', 'a']);
    const again = await fixture.lease(q, 2);
    expect(again.items.map(({ id }) => id)).not.toContain(leased.items[0]?.id);
    await expect(fixture.complete(q, leased)).rejects.toThrow('does not exist');
    await expect(fixture.retry(q, leased)).rejects.toThrow('does not exist');
  });

  test('G11: with a bad id among good ones changes nothing, and names the bad one', async () => {
    const { fixture, q, leased } = await leasedFixture('a', 'b');
    await fixture.produce(q, 'waits');
    const waits = (await fixture.items(q))[2]?.id as string;
    const ids = leased.items.map(({ id }) => id);
    const items = [ids[0], waits, ids[1]].map((id) => ({ id: id as string, dead: false }));
    await expect(fixture.service.queue.retry({ queueName: q, partition: 0, items })).rejects.toMatchObject({
      code: 'invalid',
      message: `item(s) cannot be retried; '${waits}' is not marked as leased`,
    });
    expect((await fixture.items(q)).map(({ isLeased }) => isLeased)).toEqual([true, true, false]);
    await fixture.retry(q, leased);
    expect(await fixture.payloads(q)).toEqual(['waits', 'a', 'b']);
  });

  test('during a sweep of the ended lease leaves the item in the queue once', async () => {
    const { fixture, q, leased } = await leasedFixture('a');
    const release = fixture.storage().hold('sweep', 0, 'before');
    await fixture.advance('1m1s');
    const retried = watch(fixture.retry(q, leased));
    release();
    await fixture.settle();
    expect(retried.state).not.toBe('pending');
    expect(await fixture.payloads(q)).toEqual(['a']);
    expect(textsOf(await fixture.lease(q))).toEqual(['a']);
  });

  test('of many items in one request keeps their order at the tail', async () => {
    const texts = Array.from({ length: 200 }, (_, n) => `${n}`);
    const { fixture, q, leased } = await leasedFixture(...texts);
    await fixture.produce(q, item('first'));
    await fixture.retry(q, leased);
    expect(await fixture.payloads(q)).toEqual(['first', ...texts]);
  });
});
