import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, item, textOf, textsOf, useFixtures, watch } from './support/service-fixture.ts';

const newFixture = useFixtures();

describe.each(DRIVERS)('scheduled items on %s', (driver) => {
  test('are shown only by scheduled.list until they are due', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const enqueueAt = fixture.in('10s');
    await fixture.produce(q, item('later', { enqueueAt }));
    expect(await fixture.items(q)).toEqual([]);
    expect(await fixture.scheduled(q)).toMatchObject([{ enqueueAt, attempts: 0, isLeased: false }]);
    expect(await fixture.stats(q)).toMatchObject({ waiting: 0, leased: 0, scheduled: 1 });
    const waiting = watch(fixture.lease(q));
    await fixture.advance('10s');
    expect(waiting.state).toBe('pending');
    await fixture.advance('10ms');
    expect(waiting.value && textsOf(waiting.value)).toEqual(['later']);
    expect(await fixture.scheduled(q)).toEqual([]);
  });

  test.each(['-24h', '0', '99ms'])('with an enqueue_at %s from now are available at once', async (by) => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.produce(q, item('now', { enqueueAt: fixture.in(by) }));
    expect([await fixture.payloads(q), await fixture.scheduled(q)]).toEqual([['now'], []]);
  });

  test('become available in the order of their schedules, ties in produce order', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const times = ['3s', '1s', '2s', '1s', '3s', '1s'];
    await fixture.produce(q, ...times.map((by, n) => item(`${by}-${n}`, { enqueueAt: fixture.in(by) })));
    // One sweep finds all of them due, as after a pause of the process.
    fixture.clock.set(fixture.in('1m'));
    await fixture.advance('0');
    expect(await fixture.payloads(q)).toEqual(['1s-1', '1s-3', '1s-5', '2s-2', '3s-0', '3s-4']);
  });

  test('G12: with different schedules become available each at its own time, without any other event', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { expireTimeout: '200h' });
    const times = ['1s', '5s', '2m', '3h', '40h'];
    for (const by of times) await fixture.produce(q, item(by, { enqueueAt: fixture.in(by) }));
    const start = fixture.clock.now();
    for (const [n, by] of times.entries()) {
      const due = (start + (fixture.in(by) - fixture.clock.now())) as typeof start;
      fixture.clock.set((due - 10_000n) as typeof start);
      await fixture.advance('0');
      expect(await fixture.payloads(q)).toEqual(times.slice(0, n));
      await fixture.advance('20ms');
      expect(await fixture.payloads(q)).toEqual(times.slice(0, n + 1));
    }
  });

  test('G13: keep their schedules after a restart, and those due meanwhile become available at once', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const schedule = [
      item('due', { enqueueAt: fixture.in('5s') }),
      item('not due', { enqueueAt: fixture.in('30s') }),
    ];
    await fixture.produce(q, ...schedule);
    await fixture.service.shutdown();
    fixture.clock.set(fixture.in('10s'));
    await fixture.restart();
    const first = watch(fixture.lease(q));
    await fixture.advance('0');
    await fixture.advance('10ms');
    expect(first.value && textsOf(first.value)).toEqual(['due']);
    expect((await fixture.scheduled(q)).map(textOf)).toEqual(['not due']);
    const second = watch(fixture.lease(q));
    await fixture.advance('21s');
    expect(second.value && textsOf(second.value)).toEqual(['not due']);
  });

  test('G34: go behind items that were produced meanwhile, under a new id', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.produce(q, item('scheduled', { enqueueAt: fixture.in('1s') }));
    const [before] = await fixture.scheduled(q);
    await fixture.produce(q, 'meanwhile');
    await fixture.advance('1.1s');
    expect(await fixture.payloads(q)).toEqual(['meanwhile', 'scheduled']);
    const after = (await fixture.items(q))[1];
    expect(after?.id).not.toBe(before?.id);
    expect(after).toMatchObject({ createdAt: before?.createdAt, expireDeadline: before?.expireDeadline });
  });

  test('cannot be completed or retried, and can be deleted', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.produce(q, item('s', { enqueueAt: fixture.in('1h') }));
    const id = (await fixture.scheduled(q))[0]?.id as string;
    const text = `invalid storage id; '${id}' does not exist`;
    await expect(fixture.completeIds(q, 0, id)).rejects.toThrow(text);
    await expect(
      fixture.service.queue.retry({ queueName: q, partition: 0, items: [{ id, dead: false }] }),
    ).rejects.toThrow(text);
    await fixture.service.storage.deleteItems({ queueName: q, partition: 0, ids: [id] });
    expect(await fixture.scheduled(q)).toEqual([]);
  });

  test('neither die nor expire before they are due', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { leaseTimeout: '1s', expireTimeout: '10s', maxAttempts: 1 });
    await fixture.produce(q, item('s', { enqueueAt: fixture.in('20s') }));
    await fixture.advance('15s');
    expect(await fixture.scheduled(q)).toHaveLength(1);
  });

  test('G15b: that come due after their expire deadline expire in the same sweep', async () => {
    const fixture = newFixture({ main: driver });
    const [dead, q] = [fresh('dead'), fresh()];
    await fixture.create(dead);
    await fixture.create(q, { leaseTimeout: '1s', expireTimeout: '10s', deadQueue: dead });
    await fixture.produce(q, 'late');
    await fixture.retry(q, await fixture.lease(q), { retryAt: fixture.in('20s') });
    await fixture.advance('21s');
    expect([await fixture.payloads(q), await fixture.scheduled(q)]).toEqual([[], []]);
    expect(await fixture.payloads(dead)).toEqual(['late']);
  });

  test('A3: with a schedule beyond the expire timeout become available, and live for the expire timeout from then', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { leaseTimeout: '1s', expireTimeout: '10s' });
    await fixture.produce(q, item('later', { enqueueAt: fixture.in('20s') }));
    await fixture.advance('21s');
    expect(await fixture.payloads(q)).toEqual(['later']);
    await fixture.advance('8s');
    const leased = await fixture.lease(q);
    expect(textsOf(leased)).toEqual(['later']);
    await fixture.advance('2s');
    expect(await fixture.payloads(q)).toEqual([]);
  });

  test('G15: do not count as waiting items in the choice of a partition', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { requestedPartitions: 2 });
    const enqueueAt = fixture.in('1h');
    await fixture.produce(q, ...Array.from({ length: 10 }, (_, n) => item(`s${n}`, { enqueueAt })));
    await fixture.produce(q, 'a');
    await fixture.produce(q, 'b', 'c');
    // Scheduled items do not count as load, so each partition got one of the two requests.
    expect([(await fixture.items(q, 0)).length, (await fixture.items(q, 1)).length].sort()).toEqual([1, 2]);
    const got = [await fixture.lease(q, 10), await fixture.lease(q, 10)].flatMap(textsOf);
    expect(got.sort()).toEqual(['a', 'b', 'c']);
  });
});
