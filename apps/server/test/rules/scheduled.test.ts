import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, item, textOf, textsOf, useWorlds, watch } from './support/world.ts';

const newWorld = useWorlds();

describe.each(DRIVERS)('scheduled items on %s', (driver) => {
  test('a scheduled item is seen by scheduled.list alone until it is due', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    const enqueueAt = world.in('10s');
    await world.produce(q, item('later', { enqueueAt }));
    expect(await world.items(q)).toEqual([]);
    expect(await world.scheduled(q)).toMatchObject([{ enqueueAt, attempts: 0, isLeased: false }]);
    expect(await world.stats(q)).toMatchObject({ waiting: 0, leased: 0, scheduled: 1 });
    const waiting = watch(world.lease(q));
    await world.advance('10s');
    expect(waiting.state).toBe('pending');
    await world.advance('10ms');
    expect(waiting.value && textsOf(waiting.value)).toEqual(['later']);
    expect(await world.scheduled(q)).toEqual([]);
  });

  test.each(['-24h', '0', '99ms'])('an enqueue_at %s from now is at once', async (by) => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    await world.produce(q, item('now', { enqueueAt: world.in(by) }));
    expect([await world.payloads(q), await world.scheduled(q)]).toEqual([['now'], []]);
  });

  test('due items enter the queue in due order, ties in produce order', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    const times = ['3s', '1s', '2s', '1s', '3s', '1s'];
    await world.produce(q, ...times.map((by, n) => item(`${by}-${n}`, { enqueueAt: world.in(by) })));
    // All come due in one sweep, as after a pause of the process.
    world.clock.set(world.in('1m'));
    await world.advance('0');
    expect(await world.payloads(q)).toEqual(['1s-1', '1s-3', '1s-5', '2s-2', '3s-0', '3s-4']);
  });

  test('G12: every one of several schedules comes due at its own time, though nothing else happens', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q, { expireTimeout: '200h' });
    const times = ['1s', '5s', '2m', '3h', '40h'];
    for (const by of times) await world.produce(q, item(by, { enqueueAt: world.in(by) }));
    const start = world.clock.now();
    for (const [n, by] of times.entries()) {
      const due = (start + (world.in(by) - world.clock.now())) as typeof start;
      world.clock.set((due - 10_000n) as typeof start);
      await world.advance('0');
      expect(await world.payloads(q)).toEqual(times.slice(0, n));
      await world.advance('20ms');
      expect(await world.payloads(q)).toEqual(times.slice(0, n + 1));
    }
  });

  test('G13: after a restart schedules go on, those that came due meanwhile at once', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    const schedule = [
      item('due', { enqueueAt: world.in('5s') }),
      item('not due', { enqueueAt: world.in('30s') }),
    ];
    await world.produce(q, ...schedule);
    await world.service.shutdown();
    world.clock.set(world.in('10s'));
    await world.restart();
    const first = watch(world.lease(q));
    await world.advance('0');
    await world.advance('10ms');
    expect(first.value && textsOf(first.value)).toEqual(['due']);
    expect((await world.scheduled(q)).map(textOf)).toEqual(['not due']);
    const second = watch(world.lease(q));
    await world.advance('21s');
    expect(second.value && textsOf(second.value)).toEqual(['not due']);
  });

  test('G34: a due item goes behind what was produced meanwhile, under a new id', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    await world.produce(q, item('scheduled', { enqueueAt: world.in('1s') }));
    const [before] = await world.scheduled(q);
    await world.produce(q, 'meanwhile');
    await world.advance('1.1s');
    expect(await world.payloads(q)).toEqual(['meanwhile', 'scheduled']);
    const after = (await world.items(q))[1];
    expect(after?.id).not.toBe(before?.id);
    expect(after).toMatchObject({ createdAt: before?.createdAt, expireDeadline: before?.expireDeadline });
  });

  test('a scheduled item cannot be completed or retried, and can be deleted', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    await world.produce(q, item('s', { enqueueAt: world.in('1h') }));
    const id = (await world.scheduled(q))[0]?.id as string;
    const text = `invalid storage id; '${id}' does not exist`;
    await expect(world.completeIds(q, 0, id)).rejects.toThrow(text);
    await expect(
      world.service.queue.retry({ queueName: q, partition: 0, items: [{ id, dead: false }] }),
    ).rejects.toThrow(text);
    await world.service.storage.deleteItems({ queueName: q, partition: 0, ids: [id] });
    expect(await world.scheduled(q)).toEqual([]);
  });

  test('a schedule outlives neither death nor expiry before it is due', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q, { leaseTimeout: '1s', expireTimeout: '10s', maxAttempts: 1 });
    await world.produce(q, item('s', { enqueueAt: world.in('20s') }));
    await world.advance('15s');
    expect(await world.scheduled(q)).toHaveLength(1);
  });

  test('G15b: an item enqueued after its time is expired by the same sweep', async () => {
    const world = newWorld({ main: driver });
    const [dead, q] = [fresh('dead'), fresh()];
    await world.create(dead);
    await world.create(q, { leaseTimeout: '1s', expireTimeout: '10s', deadQueue: dead });
    await world.produce(q, 'late');
    await world.retry(q, await world.lease(q), { retryAt: world.in('20s') });
    await world.advance('21s');
    expect([await world.payloads(q), await world.scheduled(q)]).toEqual([[], []]);
    expect(await world.payloads(dead)).toEqual(['late']);
  });

  test('A3: an item that is produced for later than it may live is offered, and lives from then on', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q, { leaseTimeout: '1s', expireTimeout: '10s' });
    await world.produce(q, item('later', { enqueueAt: world.in('20s') }));
    await world.advance('21s');
    expect(await world.payloads(q)).toEqual(['later']);
    await world.advance('8s');
    const leased = await world.lease(q);
    expect(textsOf(leased)).toEqual(['later']);
    await world.advance('2s');
    expect(await world.payloads(q)).toEqual([]);
  });

  test('G15: scheduled items do not count as waiting when a partition is chosen', async () => {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q, { requestedPartitions: 2 });
    const enqueueAt = world.in('1h');
    await world.produce(q, ...Array.from({ length: 10 }, (_, n) => item(`s${n}`, { enqueueAt })));
    await world.produce(q, 'a');
    await world.produce(q, 'b', 'c');
    // Ten scheduled items weigh nothing: the two requests went one to each partition.
    expect([(await world.items(q, 0)).length, (await world.items(q, 1)).length].sort()).toEqual([1, 2]);
    const got = [await world.lease(q, 10), await world.lease(q, 10)].flatMap(textsOf);
    expect(got.sort()).toEqual(['a', 'b', 'c']);
  });
});
