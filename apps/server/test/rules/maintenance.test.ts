import { UNSET_INSTANT } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { DRIVERS, fresh, item, textOf, textsOf, useFixtures, watch } from './support/service-fixture.ts';

const newFixture = useFixtures();

describe.each(DRIVERS)('maintenance on %s', (driver) => {
  const imported = (text: string, rest: object = {}) => ({
    ...item(text),
    isLeased: false,
    attempts: 0,
    maxAttempts: 0,
    ...rest,
  });

  test.each([
    [{ queue: true }, ['leased', 'leased too'], ['scheduled']],
    [{ queue: true, destructive: true }, [], ['scheduled']],
    [{ scheduled: true }, ['leased', 'leased too', 'waiting'], []],
    [{ scheduled: true, destructive: true }, ['leased', 'leased too', 'waiting'], []],
    [{ queue: true, scheduled: true }, ['leased', 'leased too'], []],
    [{ queue: true, scheduled: true, destructive: true }, [], []],
  ])('clear with %j leaves %j, and scheduled %j', async (what, queued, scheduled) => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.produce(q, 'leased', 'leased too', 'waiting');
    await fixture.produce(q, item('scheduled', { enqueueAt: fixture.in('1h') }));
    await fixture.lease(q, 2);
    const asked = { queue: false, scheduled: false, destructive: false, ...what };
    await fixture.service.queue.clear({ queueName: q, ...asked });
    expect(await fixture.payloads(q)).toEqual(queued);
    expect((await fixture.scheduled(q)).map(textOf)).toEqual(scheduled);
  });

  test.each([{}, { destructive: true }])('clear with %j is refused', async (what) => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const call = { queueName: q, queue: false, scheduled: false, destructive: false, ...what };
    await expect(fixture.service.queue.clear(call)).rejects.toThrow(
      "invalid clear request; one of 'queue', 'scheduled' must be true",
    );
    expect(fixture.storage().count('clear')).toBe(0);
  });

  test('clear covers all partitions and frees the source ids', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { requestedPartitions: 2 });
    const sourceId = '0'.repeat(27);
    const call = (partition: number) => ({ queueName: q, partition, items: [imported('a', { sourceId })] });
    for (const partition of [0, 1]) await fixture.service.storage.importItems(call(partition));
    await fixture.service.queue.clear({ queueName: q, queue: true, scheduled: false, destructive: false });
    for (const partition of [0, 1]) {
      expect(await fixture.items(q, partition)).toEqual([]);
      expect(await fixture.service.storage.importItems(call(partition))).toHaveLength(1);
    }
  });

  test('G24: a clear that storage refuses gets an error', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    fixture.storage().fail('clear', 0, 'not-applied');
    await expect(
      fixture.service.queue.clear({ queueName: q, queue: true, scheduled: false, destructive: false }),
    ).rejects.toMatchObject({ code: 'retry', message: 'internal error, try your request again' });
  });

  test('reload counts changes that bypassed the service', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const waiting = watch(fixture.lease(q));
    await fixture.settle();
    const behind = fixture.storage().partitionStore({ queue: q, partition: 0 });
    await behind.import([imported('hidden')], 3_600_000_000_000n as never);
    await fixture.service.queue.reload(q);
    await fixture.settle();
    expect(waiting.value && textsOf(waiting.value)).toEqual(['hidden']);
  });

  test('reload marks a partition that does not answer as failing, and returns it to service once it does', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    fixture.storage().fail('stats', 0, 'not-applied');
    await fixture.service.queue.reload(q);
    await expect(fixture.completeIds(q, 0, '0'.repeat(27))).rejects.toThrow(
      "partition not available; partition '0' is failing, retry again",
    );
    fixture.storage().heal(0);
    await fixture.service.queue.reload(q);
    expect(await fixture.stats(q)).toMatchObject({ failures: 0 });
    await fixture.produce(q, 'a');
  });

  test('import keeps all fields except id and created_at', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.produce(q, 'before');
    const given = imported('imported', {
      sourceId: '1'.repeat(27),
      isLeased: true,
      leaseDeadline: fixture.in('1h'),
      expireDeadline: fixture.in('2h'),
      attempts: 7,
      maxAttempts: 9,
      payload: Uint8Array.of(0, 255, 10),
    });
    const stored = await fixture.service.storage.importItems({ queueName: q, partition: 0, items: [given] });
    expect(stored).toMatchObject([{ ...given, createdAt: fixture.clock.now(), payload: expect.anything() }]);
    const second = (await fixture.items(q))[1];
    expect(second).toMatchObject({ ...given, id: stored[0]?.id, payload: expect.anything() });
    expect([...(second?.payload ?? [])]).toEqual([0, 255, 10]);
  });

  test('import without deadlines: the queue determines the expire deadline, and there is no lease', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { expireTimeout: '3h' });
    const items = [imported('a'), imported('b', { isLeased: true })];
    const stored = await fixture.service.storage.importItems({ queueName: q, partition: 0, items });
    expect(stored.map(({ expireDeadline }) => expireDeadline)).toEqual([fixture.in('3h'), fixture.in('3h')]);
    expect(stored[0]?.leaseDeadline).toBeUndefined();
    // Imported as leased without a deadline, so the lease has ended.
    await fixture.advance('1s');
    expect((await fixture.items(q)).map(({ isLeased }) => isLeased)).toEqual([false, false]);
    expect(stored.every(({ leaseDeadline }) => leaseDeadline !== UNSET_INSTANT)).toBe(true);
  });

  test('import stores the first of several items with one source id, and returns only that one', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const sourceId = '2'.repeat(27);
    const items = [imported('a', { sourceId }), imported('b', { sourceId }), imported('c')];
    const stored = await fixture.service.storage.importItems({ queueName: q, partition: 0, items });
    expect(stored.map(textOf)).toEqual(['a', 'c']);
    expect(await fixture.payloads(q)).toEqual(['a', 'c']);
  });

  test('delete removes items in any state, skips unknown ids, and frees source ids', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.produce(q, 'leased', 'waiting', item('scheduled', { enqueueAt: fixture.in('1h') }));
    const leased = await fixture.lease(q);
    const all = [...(await fixture.items(q)), ...(await fixture.scheduled(q))].map(({ id }) => id);
    const call = { queueName: q, partition: 0, ids: [...all, '3'.repeat(27)] };
    await fixture.service.storage.deleteItems(call);
    await fixture.service.storage.deleteItems(call);
    expect([await fixture.items(q), await fixture.scheduled(q)]).toEqual([[], []]);
    await expect(fixture.complete(q, leased)).rejects.toThrow('does not exist');
  });
});

describe.each(DRIVERS)('changing an active queue on %s', (driver) => {
  const update = (queueName: string, settings: object) => ({
    ...{ queueName, namespace: '', leaseTimeout: '', expireTimeout: '', deadQueue: '' },
    ...{ maxAttempts: 0, reference: '', requestedPartitions: 0, ...settings },
  });

  test('G18: an update keeps absent timeouts, clears other absent settings, and applies at once', async () => {
    const fixture = newFixture({ main: driver });
    const [dead, q] = [fresh('dead'), fresh()];
    await fixture.create(dead);
    await fixture.create(q, { leaseTimeout: '10s', expireTimeout: '1h', deadQueue: dead, maxAttempts: 3 });
    await fixture.produce(q, 'a');
    await fixture.service.queues.update(update(q, { reference: 'new' }));
    expect(await fixture.service.queues.info(q)).toMatchObject({
      ...{ leaseTimeout: 10_000_000_000n, expireTimeout: 3_600_000_000_000n, reference: 'new' },
      ...{ deadQueue: '', maxAttempts: 0, requestedPartitions: 1, namespace: '_system' },
    });
    const leased = await fixture.lease(q);
    expect(leased.items[0]?.leaseDeadline).toBe(fixture.in('10s'));
    await fixture.advance('9s');
    await fixture.complete(q, leased);
    await fixture.produce(q, 'b');
    expect((await fixture.items(q))[0]?.expireDeadline).toBe(fixture.in('1h'));
  });

  test('G18b: queues.info shows an update at once, and so do later updates', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    await fixture.advance('1s');
    await fixture.service.queues.update(update(q, { leaseTimeout: '5s' }));
    const first = await fixture.service.queues.info(q);
    expect(first).toMatchObject({ leaseTimeout: 5_000_000_000n, updatedAt: fixture.clock.now() });
    await fixture.service.queues.update(update(q, { maxAttempts: 4 }));
    expect(await fixture.service.queues.info(q)).toMatchObject({
      leaseTimeout: 5_000_000_000n,
      maxAttempts: 4,
    });
  });

  test('G18c: an update made from the reply of queues.info reverts no other setting', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const change = async (settings: object) => {
      const { maxAttempts, reference } = await fixture.service.queues.info(q);
      await fixture.service.queues.update(update(q, { maxAttempts, reference, ...settings }));
    };
    await change({ maxAttempts: 5 });
    await change({ reference: 'mine' });
    expect(await fixture.service.queues.info(q)).toMatchObject({ maxAttempts: 5, reference: 'mine' });
  });

  test('a new lease timeout applies to later leases; running ones keep theirs', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { leaseTimeout: '1h' });
    await fixture.produce(q, 'old', 'new');
    await fixture.lease(q);
    await fixture.service.queues.update(update(q, { leaseTimeout: '1s' }));
    await fixture.lease(q);
    await fixture.advance('1.1s');
    expect((await fixture.items(q)).map((each) => [textOf(each), each.isLeased])).toEqual([
      ['old', true],
      ['new', false],
    ]);
  });

  test('an update during the activation of the queue is not lost', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.service.queues.create(
      update(q, { leaseTimeout: '1m', expireTimeout: '1h', requestedPartitions: 1 }),
    );
    const release = fixture.storage().holdQueues('get');
    const produced = watch(fixture.produce(q, 'a'));
    await fixture.settle();
    const updated = watch(fixture.service.queues.update(update(q, { leaseTimeout: '5s' })));
    release();
    await fixture.settle();
    expect([produced.state, updated.state]).toEqual(['fulfilled', 'fulfilled']);
    expect((await fixture.lease(q)).items[0]?.leaseDeadline).toBe(fixture.in('5s'));
  });

  test('an update under load fails no request', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const work = Array.from({ length: 20 }, async (_, n) => {
      await fixture.produce(q, `${n}`);
      await fixture.complete(q, await fixture.lease(q));
    });
    const updates = [1, 2, 3].map((maxAttempts) => fixture.service.queues.update(update(q, { maxAttempts })));
    await Promise.all([...work, ...updates]);
    expect(await fixture.service.queues.info(q)).toMatchObject({ maxAttempts: 3 });
    expect(await fixture.items(q)).toEqual([]);
  });
});

describe.each(DRIVERS)('deleting queues on %s', (driver) => {
  test.each([false, true])(
    'G21: delete (force: %s) drops the items and answers waiting requests',
    async (force) => {
      const fixture = newFixture({ main: driver });
      const q = fresh();
      await fixture.create(q);
      await fixture.produce(q, 'leased', item('scheduled', { enqueueAt: fixture.in('1h') }));
      const leased = await fixture.lease(q);
      const waiting = watch(fixture.lease(q));
      await fixture.settle();
      await fixture.service.queues.delete(q, force);
      expect(waiting.error).toMatchObject({ code: 'failed', message: 'queue is shutting down' });
      await expect(fixture.produce(q, 'late')).rejects.toThrow(
        `queue does not exist; no such queue named '${q}'`,
      );
      await fixture.create(q);
      expect([await fixture.items(q), await fixture.scheduled(q)]).toEqual([[], []]);
      await expect(fixture.complete(q, leased)).rejects.toThrow('does not exist');
    },
  );

  test('a delete of an empty queue spares items that were stored while it stopped', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const release = fixture.storage().hold('produce', 0, 'before');
    const produced = watch(fixture.produce(q, 'late'));
    await fixture.settle();
    const deleted = watch(fixture.service.queues.delete(q, false, { onlyEmpty: true }));
    await fixture.settle();
    expect(deleted.state).toBe('pending');
    release();
    await fixture.settle();
    expect(produced.state).toBe('fulfilled');
    expect(deleted.error).toMatchObject({
      code: 'invalid',
      reason: 'not_empty',
      message: `queue is not empty; '${q}' holds 1 item, use force to delete them too`,
    });
    expect((await fixture.lease(q)).items).toHaveLength(1);
  });

  test('a delete of an empty queue whose items cannot be counted deletes nothing', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    fixture.storage().fail('stats', 0, 'not-applied');
    await expect(fixture.service.queues.delete(q, false, { onlyEmpty: true })).rejects.toMatchObject({
      code: 'retry',
      message: 'internal error, try your request again',
    });
    fixture.storage().heal(0);
    const release = fixture.storage().hold('stats', 0);
    const slow = watch(fixture.service.queues.delete(q, false, { onlyEmpty: true }));
    await fixture.settle();
    await fixture.advance('10s');
    expect(slow.error).toMatchObject({ code: 'retry', message: 'internal error, try your request again' });
    release();
    await fixture.settle();
    await fixture.produce(q, 'kept');
    expect(await fixture.items(q)).toHaveLength(1);
  });

  test('a delete during produces leaves each of them stored and removed, or refused', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { requestedPartitions: 2 });
    const release = fixture.storage().hold('produce', 0);
    const produced = Array.from({ length: 10 }, (_, n) => watch(fixture.produce(q, `${n}`)));
    await fixture.settle();
    const deleted = watch(fixture.service.queues.delete(q, false));
    await fixture.settle();
    expect(deleted.state).toBe('pending');
    release();
    await fixture.settle();
    expect(deleted.state).toBe('fulfilled');
    for (const { state, error } of produced) {
      if (state !== 'fulfilled') expect(error?.message).toBe('queue is shutting down');
    }
    await fixture.create(q, { requestedPartitions: 2 });
    expect([await fixture.items(q, 0), await fixture.items(q, 1)]).toEqual([[], []]);
  });

  test('a produce whose storage fails during the deletion is refused, and sent to no other partition', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q, { requestedPartitions: 2 });
    fixture.storage().fail('produce', 0, 'not-applied');
    const release = fixture.storage().hold('produce', 0, 'before');
    const produced = watch(fixture.produce(q, 'a'));
    await fixture.settle();
    const deleted = watch(fixture.service.queues.delete(q, false));
    await fixture.settle();
    release();
    await fixture.settle();
    expect([produced.error?.message, deleted.state]).toEqual(['queue is shutting down', 'fulfilled']);
    fixture.storage().heal(0);
    await fixture.create(q, { requestedPartitions: 2 });
    expect([await fixture.items(q, 0), await fixture.items(q, 1)]).toEqual([[], []]);
  });

  test('a running import ends before the queue is dropped', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const release = fixture.storage().hold('import', 0, 'before');
    const given = { ...item('a'), isLeased: false, attempts: 0, maxAttempts: 0 };
    const imported = watch(
      fixture.service.storage.importItems({ queueName: q, partition: 0, items: [given] }),
    );
    await fixture.settle();
    const deleted = watch(fixture.service.queues.delete(q, false));
    await fixture.settle();
    expect([imported.state, deleted.state]).toEqual(['pending', 'pending']);
    release();
    await fixture.settle();
    expect([imported.state, deleted.state]).toEqual(['fulfilled', 'fulfilled']);
    await fixture.create(q);
    expect(await fixture.items(q)).toEqual([]);
  });

  test('two concurrent deletes do not affect a queue that is created after the first', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    const both = [
      watch(fixture.service.queues.delete(q, false)),
      watch(fixture.service.queues.delete(q, false)),
    ];
    await fixture.create(q);
    await fixture.produce(q, 'kept');
    await fixture.settle();
    expect(both.map(({ state }) => state)).toEqual(['fulfilled', 'rejected']);
    expect(both[1]?.error?.message).toBe(`queue does not exist; no such queue named '${q}'`);
    expect(await fixture.payloads(q)).toEqual(['kept']);
  });

  test('a delete whose storage fails can be repeated', async () => {
    const fixture = newFixture({ main: driver });
    const q = fresh();
    await fixture.create(q);
    fixture.storage().fail('drop', 0, 'not-applied');
    await expect(fixture.service.queues.delete(q, true)).rejects.toMatchObject({ code: 'retry' });
    fixture.storage().heal(0);
    await fixture.service.queues.delete(q, true);
    await expect(fixture.service.queues.info(q)).rejects.toThrow('queue does not exist');
  });

  test('G23: a delete that waits for its queue delays no other call', async () => {
    const fixture = newFixture({ main: driver });
    const [busy, other] = [fresh(), fresh()];
    await fixture.create(busy);
    await fixture.create(other);
    const release = fixture.storage().hold('produce', 0);
    void fixture.produce(busy, 'a');
    await fixture.settle();
    const deleted = watch(fixture.service.queues.delete(busy, true));
    await fixture.settle();
    expect(deleted.state).toBe('pending');
    await fixture.service.queues.update({
      ...{ queueName: other, namespace: '', leaseTimeout: '', expireTimeout: '', deadQueue: '' },
      ...{ maxAttempts: 2, reference: '', requestedPartitions: 0 },
    });
    expect((await fixture.service.queues.info(other)).maxAttempts).toBe(2);
    await fixture.create(fresh());
    release();
    await fixture.settle();
    expect(deleted.state).toBe('fulfilled');
  });
});
