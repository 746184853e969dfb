import { describe, expect, test } from 'vitest';
import { Harness, item, queueCall, watch } from './support/harness.ts';

describe('creating queues', () => {
  test.each([
    [{ queueName: 'x'.repeat(513) }, "queue name is invalid; cannot be greater than '512' characters"],
    [{ queueName: '' }, 'queue name is invalid; queue name cannot be empty'],
    [{ queueName: 'a b' }, "queue name is invalid; 'a b' cannot contain whitespace"],
    [{ queueName: 'a\u0085b' }, "queue name is invalid; 'a\u0085b' cannot contain whitespace"],
    [{ queueName: 'a~b' }, "queue name is invalid; 'a~b' cannot contain '~' character"],
    [{ queueName: 'a\0b' }, 'queue name is invalid; cannot contain the character U+0000'],
    [{ leaseTimeout: '1h'.repeat(8) }, "lease timeout is invalid; cannot be greater than '15' characters"],
    [{ expireTimeout: '1h'.repeat(8) }, "expire timeout is invalid; cannot be greater than '15' characters"],
    [
      { leaseTimeout: 'x', expireTimeout: '7d' },
      'expire timeout is invalid; time: unknown unit "d" in duration "7d" - expected format: 60m, 2h or 24h',
    ],
    [
      { leaseTimeout: '5' },
      'lease timeout is invalid; time: missing unit in duration "5" - expected format: 8m, 15m or 1h',
    ],
    [{ namespace: 'a:b' }, "namespace name is invalid; 'a:b' cannot contain ':' character"],
    [{ deadQueue: 'x'.repeat(501) }, "dead queue is invalid; cannot be greater than '500' characters"],
    [{ deadQueue: 'a b' }, "dead queue is invalid; 'a b' cannot contain whitespace"],
    [{ deadQueue: 'q' }, 'dead_queue cannot reference itself'],
    [{ deadQueue: 'none' }, "dead_queue does not exist; 'none' was not found, create it first"],
    [
      { reference: 'x'.repeat(2_001) },
      "reference field is invalid; cannot be greater than '2000' characters",
    ],
    [{ maxAttempts: 65_537 }, 'max attempts is invalid; cannot be greater than 65536'],
    [{ maxAttempts: -1 }, 'max attempts is invalid; cannot be negative number'],
    [{ requestedPartitions: 0 }, 'partitions is invalid; cannot be less than 1'],
    [{ requestedPartitions: 1_025 }, 'partitions is invalid; cannot be greater than 1024'],
    [{ leaseTimeout: '' }, 'lease timeout is invalid; cannot be empty'],
    [{ leaseTimeout: '999ns' }, 'lease timeout is invalid; cannot be empty'],
    [{ leaseTimeout: '-1m' }, 'lease timeout is invalid; cannot be negative'],
    [{ expireTimeout: '' }, 'expire timeout is invalid; cannot be empty'],
    [
      { leaseTimeout: '2h', expireTimeout: '60m' },
      'lease timeout is too long; 2h0m0s cannot be greater than the expire timeout 1h0m0s',
    ],
  ])('refuses %j', async (wrong, message) => {
    const h = new Harness();
    await expect(h.service.queues.create(queueCall('q', wrong))).rejects.toMatchObject({
      code: 'invalid',
      message,
    });
    expect(await h.service.queues.list({ namespace: '', pivot: '', limit: 0 })).toEqual([]);
  });

  test('refuses a name that is taken, whether the queue is active or not', async () => {
    const h = new Harness();
    await h.create('q');
    await expect(h.create('q')).rejects.toThrow("invalid queue; 'q' already exists");
    await h.service.queue.stats('q');
    await expect(h.create('q')).rejects.toThrow("invalid queue; 'q' already exists");
  });

  test('refuses a chain of dead-letter queues, from either end', async () => {
    const h = new Harness();
    await h.create('dead');
    await h.create('q', { deadQueue: 'dead' });
    await expect(h.create('other', { deadQueue: 'q' })).rejects.toThrow(
      "dead_queue is invalid; 'q' already has its own dead_queue configured",
    );
    await h.create('third');
    await expect(h.service.queues.update(queueCall('dead', { deadQueue: 'third' }))).rejects.toThrow(
      "dead_queue is invalid; 'dead' is itself the dead_queue of 'q'",
    );
  });

  test.each([
    ['none', []],
    ['a hole', [0, 2]],
    ['a number twice', [0, 0]],
  ])('refuses a placement with %s', async (_, numbers) => {
    const h = new Harness();
    const placement = numbers.map((partition) => ({ partition, storageName: 'mem' }));
    await expect(h.service.queues.create(queueCall('q'), { partitions: placement })).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('partitions is invalid'),
    });
  });

  test('refuses one of two concurrent changes that would make a chain of dead-letter queues', async () => {
    const h = new Harness();
    await h.create('b');
    await h.create('c');
    const both = await Promise.allSettled([
      h.create('a', { deadQueue: 'b' }),
      h.service.queues.update(queueCall('b', { deadQueue: 'c' })),
    ]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  test('places every requested partition', async () => {
    const h = new Harness();
    const queue = await h.service.queues.create(queueCall('q', { requestedPartitions: 7 }));
    expect(queue.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});

describe('listing queues', () => {
  test('starts a page at the pivot, whether it exists or not', async () => {
    const h = new Harness();
    for (const name of ['b', 'a', 'C', 'd']) await h.create(name);
    const names = async (pivot: string, limit: number) =>
      (await h.service.queues.list({ namespace: '', pivot, limit })).map(({ name }) => name);
    expect(await names('', 0)).toEqual(['C', 'a', 'b', 'd']);
    expect(await names('b', 1)).toEqual(['b']);
    expect(await names('bb', 5)).toEqual(['d']);
    expect(await names('e', 5)).toEqual([]);
    expect(await names(' ', 1)).toEqual(['C']);
    await expect(names('a~', 1)).rejects.toThrow("pivot is invalid; 'a~' cannot contain '~' character");
    await expect(names('', -1)).rejects.toThrow('limit is invalid; limit cannot be negative');
    await expect(names('', 65_537)).rejects.toThrow('limit is invalid; cannot be greater than 65536');
  });
});

describe('updating queues', () => {
  test('keeps timeouts that are absent, and resets other settings that are zero or empty', async () => {
    const h = new Harness();
    await h.create('dead');
    await h.create('q', { deadQueue: 'dead', maxAttempts: 3, reference: 'r', requestedPartitions: 2 });
    const wanted = { leaseTimeout: '', expireTimeout: '', requestedPartitions: 0 };
    await h.service.queues.update(queueCall('q', wanted));
    expect(await h.service.queues.info('q')).toMatchObject({
      leaseTimeout: 60_000_000_000n,
      expireTimeout: 86_400_000_000_000n,
      requestedPartitions: 2,
      maxAttempts: 0,
      reference: '',
      deadQueue: '',
    });
  });

  test('applies at once to an active queue', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    await h.service.queues.update(queueCall('q', { leaseTimeout: '10m' }));
    const { items } = await h.lease('q');
    expect(items[0]?.leaseDeadline).toBe(h.clock.now() + 600_000_000n);
  });

  test('applies to a queue that is just being activated', async () => {
    const h = new Harness();
    await h.create('q');
    const release = h.storage.holdQueues('get');
    const produced = watch(h.produce('q', ['a']));
    await h.settle();
    const updated = watch(h.service.queues.update(queueCall('q', { leaseTimeout: '10m' })));
    release();
    await h.settle();
    expect([produced.state, updated.state]).toEqual(['fulfilled', 'fulfilled']);
    expect((await h.lease('q')).items[0]?.leaseDeadline).toBe(h.clock.now() + 600_000_000n);
  });

  test('checks the merged values, and changes nothing when they are wrong', async () => {
    const h = new Harness();
    await h.create('q');
    await expect(
      h.service.queues.update(queueCall('q', { leaseTimeout: '', expireTimeout: '30s' })),
    ).rejects.toThrow('lease timeout is too long; 1m0s cannot be greater than the expire timeout 30s');
    expect((await h.service.queues.info('q')).expireTimeout).toBe(86_400_000_000_000n);
    await expect(h.service.queues.update(queueCall('none'))).rejects.toThrow(
      "queue does not exist; no such queue named 'none'",
    );
  });
});

describe('deleting queues', () => {
  test('answers waiting requests, drops the items, and a new queue of the same name starts empty', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    await h.lease('q');
    const waiting = watch(h.lease('q'));
    await h.settle();
    await h.service.queues.delete('q', false);
    expect(waiting.error).toMatchObject({ code: 'failed', message: 'queue is shutting down' });
    await expect(h.produce('q', ['b'])).rejects.toThrow("queue does not exist; no such queue named 'q'");
    await h.create('q');
    expect(await h.payloads('q')).toEqual([]);
  });

  test('of a dead-letter queue needs force', async () => {
    const h = new Harness();
    await h.create('dead');
    await h.create('q', { deadQueue: 'dead' });
    await expect(h.service.queues.delete('dead', false)).rejects.toMatchObject({ code: 'invalid' });
    await expect(h.service.queues.delete('dead', false)).rejects.toThrow("'q'");
    await h.service.queues.delete('dead', true);
    await expect(h.service.queues.info('dead')).rejects.toThrow('queue does not exist');
  });

  test('of an unknown queue is an error', async () => {
    const h = new Harness();
    await expect(h.service.queues.delete('q', false)).rejects.toThrow(
      "queue does not exist; no such queue named 'q'",
    );
  });

  test('waits for direct calls of storage, and lets none begin after the drop', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    const release = h.storage.hold('import', 0, 'before');
    const items = [{ ...item('b'), isLeased: false, attempts: 0, maxAttempts: 0 }];
    const imported = watch(h.service.storage.importItems({ queueName: 'q', partition: 0, items }));
    await h.settle();
    const deleted = watch(h.service.queues.delete('q', false));
    await h.settle();
    await expect(h.payloads('q')).rejects.toThrow('queue is shutting down');
    expect([imported.state, deleted.state]).toEqual(['pending', 'pending']);
    release();
    await h.settle();
    expect([imported.state, deleted.state]).toEqual(['fulfilled', 'fulfilled']);
    await h.create('q');
    expect(await h.payloads('q')).toEqual([]);
  });

  test('twice at once finds no queue the second time, and keeps a new queue of that name', async () => {
    const h = new Harness();
    await h.create('q');
    const both = [1, 2].map(() => watch(h.service.queues.delete('q', false)));
    await h.create('q');
    await h.produce('q', ['kept']);
    expect(both.map(({ state }) => state)).toEqual(['fulfilled', 'rejected']);
    expect(await h.payloads('q')).toEqual(['kept']);
  });
});
