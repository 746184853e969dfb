import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, item, textsOf, useWorlds, watch } from './support/world.ts';

const newWorld = useWorlds();

describe.each(DRIVERS)('retry on %s', (driver) => {
  async function leasedWorld(...texts: string[]) {
    const world = newWorld({ main: driver });
    const q = fresh();
    await world.create(q);
    await world.produce(q, ...texts);
    return { world, q, leased: await world.lease(q, texts.length) };
  }

  test('at once: the item goes to the tail under a new id, and the old id is dead', async () => {
    const { world, q, leased } = await leasedWorld('a');
    const [before] = await world.items(q);
    await world.produce(q, 'b');
    await world.retry(q, leased);
    expect(await world.payloads(q)).toEqual(['b', 'a']);
    const after = (await world.items(q))[1];
    expect(after?.id).not.toBe(before?.id);
    expect(after).toMatchObject({
      attempts: 1,
      isLeased: false,
      createdAt: before?.createdAt,
      expireDeadline: before?.expireDeadline,
    });
    await expect(world.complete(q, leased)).rejects.toThrow(`'${before?.id}' does not exist`);
    expect((await world.lease(q, 2)).items.map(({ attempts }) => attempts)).toEqual([1, 2]);
  });

  test.each(['-1h', '0', '99ms'])('a time %s from now is at once', async (by) => {
    const { world, q, leased } = await leasedWorld('a');
    await world.retry(q, leased, { retryAt: world.in(by) });
    expect(await world.payloads(q)).toEqual(['a']);
    expect(await world.scheduled(q)).toEqual([]);
  });

  test.each(['100ms', '1h'])('a time %s from now schedules the item until then', async (by) => {
    const { world, q, leased } = await leasedWorld('a');
    const retryAt = world.in(by);
    await world.retry(q, leased, { retryAt });
    expect(await world.payloads(q)).toEqual([]);
    expect(await world.scheduled(q)).toMatchObject([{ enqueueAt: retryAt, attempts: 1, isLeased: false }]);
    await expect(world.complete(q, leased)).rejects.toThrow('does not exist');
    const waiting = watch(world.lease(q, 1, { requestTimeout: '15m' }));
    await world.advance('99ms');
    expect(waiting.state).toBe('pending');
    if (by === '1h') return;
    await world.advance('10ms');
    expect(waiting.value?.items).toMatchObject([{ attempts: 2 }]);
    expect(waiting.value?.items[0]?.id).not.toBe(leased.items[0]?.id);
  });

  test('G12: a retry of one request that mixes times brings back each item at its own', async () => {
    const { world, q, leased } = await leasedWorld('now', 'near', 'far', 'farther');
    const delays = [undefined, '1s', '10m', '2h'];
    await world.service.queue.retry({
      queueName: q,
      partition: 0,
      items: leased.items.map(({ id }, i) => {
        const by = delays[i];
        return { id, dead: false, retryAt: by === undefined ? undefined : world.in(by) };
      }),
    });
    expect(await world.payloads(q)).toEqual(['now']);
    await world.advance('1.1s');
    expect(await world.payloads(q)).toEqual(['now', 'near']);
    await world.advance('10m');
    expect(await world.payloads(q)).toEqual(['now', 'near', 'far']);
    await world.advance('2h');
    expect(await world.payloads(q)).toEqual(['now', 'near', 'far', 'farther']);
  });

  test('G9: dead goes straight to the dead-letter queue, whatever time is given with it', async () => {
    const world = newWorld({ main: driver });
    const [dead, q] = [fresh('dead'), fresh()];
    await world.create(dead);
    await world.create(q, { deadQueue: dead });
    await world.produce(q, 'a', 'b');
    const leased = await world.lease(q, 2);
    await world.retry(q, leased, { dead: true, retryAt: world.in('1h') });
    expect(await world.payloads(q)).toEqual([]);
    expect(await world.payloads(dead)).toEqual(['a', 'b']);
    const moved = await world.items(dead);
    expect(moved.map(({ sourceId }) => sourceId)).toEqual(leased.items.map(({ id }) => id));
    expect(moved[0]).toMatchObject({ attempts: 0, isLeased: false, kind: 'test', reference: 'ref' });
    await expect(world.complete(q, leased)).rejects.toThrow('does not exist');
  });

  test('dead without a dead-letter queue deletes the item, and the log says so', async () => {
    const { world, q, leased } = await leasedWorld('a', 'b');
    await world.retry(q, leased, { dead: true });
    expect(await world.stats(q)).toMatchObject({ waiting: 0, leased: 0, scheduled: 0 });
    expect(world.logged).toContainEqual({
      level: 'warn',
      message: 'deleted items that used up their attempts or time',
      fields: { queue: q, partition: 0, items: 2 },
    });
  });

  test('G10: an item whose attempts have reached max_attempts is dead when it is retried', async () => {
    const world = newWorld({ main: driver });
    const [dead, q] = [fresh('dead'), fresh()];
    await world.create(dead);
    await world.create(q, { deadQueue: dead, maxAttempts: 2 });
    await world.produce(q, 'a');
    await world.retry(q, await world.lease(q));
    expect(await world.payloads(q)).toEqual(['a']);
    const second = await world.lease(q);
    expect(second.items[0]?.attempts).toBe(2);
    await world.retry(q, second, { retryAt: world.in('1h') });
    expect([await world.payloads(q), await world.scheduled(q)]).toEqual([[], []]);
    expect(await world.items(dead)).toMatchObject([{ sourceId: second.items[0]?.id, attempts: 0 }]);
  });

  test('G34: a scheduled retry comes back behind what was produced meanwhile, under a new id', async () => {
    const { world, q, leased } = await leasedWorld('a');
    await world.retry(q, leased, { retryAt: world.in('1s') });
    await world.produce(q, 'meanwhile');
    await world.advance('1.1s');
    expect(await world.payloads(q)).toEqual(['meanwhile', 'a']);
    const again = await world.lease(q, 2);
    expect(again.items.map(({ id }) => id)).not.toContain(leased.items[0]?.id);
    await expect(world.complete(q, leased)).rejects.toThrow('does not exist');
    await expect(world.retry(q, leased)).rejects.toThrow('does not exist');
  });

  test('G11: a retry with a bad id among good ones changes nothing, and names the bad one', async () => {
    const { world, q, leased } = await leasedWorld('a', 'b');
    await world.produce(q, 'waits');
    const waits = (await world.items(q))[2]?.id as string;
    const ids = leased.items.map(({ id }) => id);
    const items = [ids[0], waits, ids[1]].map((id) => ({ id: id as string, dead: false }));
    await expect(world.service.queue.retry({ queueName: q, partition: 0, items })).rejects.toMatchObject({
      code: 'invalid',
      message: `item(s) cannot be retried; '${waits}' is not marked as leased`,
    });
    expect((await world.items(q)).map(({ isLeased }) => isLeased)).toEqual([true, true, false]);
    await world.retry(q, leased);
    expect(await world.payloads(q)).toEqual(['waits', 'a', 'b']);
  });

  test('a retry while a sweep takes the expired lease back leaves the item in the queue once', async () => {
    const { world, q, leased } = await leasedWorld('a');
    const letGo = world.storage().hold('sweep', 0, 'before');
    await world.advance('1m1s');
    const retried = watch(world.retry(q, leased));
    letGo();
    await world.settle();
    expect(retried.state).not.toBe('pending');
    expect(await world.payloads(q)).toEqual(['a']);
    expect(textsOf(await world.lease(q))).toEqual(['a']);
  });

  test('many items of one request keep their order at the tail', async () => {
    const texts = Array.from({ length: 200 }, (_, n) => `${n}`);
    const { world, q, leased } = await leasedWorld(...texts);
    await world.produce(q, item('first'));
    await world.retry(q, leased);
    expect(await world.payloads(q)).toEqual(['first', ...texts]);
  });
});
