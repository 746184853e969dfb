import { describe, expect, test } from 'vitest';
import { Harness, watch } from './support/harness.ts';

/** How long storage takes to fail while it is down. */
const LIMIT = '3s';

/** A service whose storage is down; calls to the queue store take time to fail. */
async function withoutStorage() {
  const h = new Harness();
  await h.create('q');
  await h.service.queue.stats('q');
  await h.clock.advance('2m');
  h.storage.cut(0);
  h.storage.cutQueues();
  /** Makes later refreshes take their time. Each `failNext` fails those in flight by then. */
  const hangLooks = () => {
    let release = h.storage.holdQueues('get', 'before');
    return async () => {
      await h.clock.advance(LIMIT);
      release();
      release = h.storage.holdQueues('get', 'before');
      await h.settle();
    };
  };
  return { h, hangLooks };
}

describe('while storage is down', () => {
  test('any number of calls share one read of the settings', async () => {
    const { h, hangLooks } = await withoutStorage();
    const failNext = hangLooks();
    const asked = Array.from({ length: 100 }, () => watch(h.service.queue.stats('q')));
    const listed = Array.from({ length: 100 }, () =>
      watch(h.service.storage.listItems({ queueName: 'q', partition: 0, pivot: '', limit: 0 })),
    );
    await h.settle();
    expect([...asked, ...listed].every(({ state }) => state === 'pending')).toBe(true);
    // One refresh fails, and all callers are answered.
    await failNext();
    expect([...asked, ...listed].every(({ state }) => state === 'rejected')).toBe(true);
  });

  test('any number of stats calls share one count', async () => {
    const { h } = await withoutStorage();
    const release = h.storage.hold('stats', 0, 'before');
    const before = h.storage.count('stats');
    const asked = Array.from({ length: 100 }, () => watch(h.service.queue.stats('q')));
    await h.clock.advance(LIMIT);
    release();
    await h.settle();
    expect(asked.every(({ state }) => state === 'rejected')).toBe(true);
    expect(h.storage.count('stats') - before).toBe(1);
  });

  test('a change waits for a limited time for earlier ones', async () => {
    const { h } = await withoutStorage();
    h.storage.healQueues();
    const release = h.storage.holdQueues('update');
    const call = {
      queueName: 'q',
      namespace: '',
      leaseTimeout: '2m',
      expireTimeout: '',
      deadQueue: '',
      maxAttempts: 0,
      reference: '',
      requestedPartitions: 0,
    };
    const first = watch(h.service.queues.update(call));
    const second = watch(h.service.queues.update({ ...call, leaseTimeout: '3m' }));
    await h.clock.advance('10s');
    expect([first.state, second.state]).toEqual(['pending', 'rejected']);
    expect(second.error).toMatchObject({ code: 'retry' });
    const third = watch(h.service.queues.update({ ...call, leaseTimeout: '4m' }));
    await h.settle();
    // It still waits for the first change, not only for the one that has left.
    expect(third.state).toBe('pending');
    expect(await h.service.queues.info('q')).toMatchObject({ leaseTimeout: 120_000_000_000n });
    release();
    await h.settle();
    expect([first.state, third.state]).toEqual(['fulfilled', 'fulfilled']);
    expect(await h.service.queues.info('q')).toMatchObject({ leaseTimeout: 240_000_000_000n });
  });
});

test('a read that began before the call does not answer it', async () => {
  const h = new Harness();
  await h.create('q', { requestedPartitions: 2 });
  await h.service.queue.stats('q');
  // Storage refuses calls of a deleted queue before the refresh in flight notices the deletion.
  h.storage.fail('list', 1, 'not-applied');
  const list = () =>
    watch(h.service.storage.listItems({ queueName: 'q', partition: 1, pivot: '', limit: 0 }));
  const release = h.storage.holdQueues('get');
  const early = list();
  await h.settle();
  await h.storage.queueStore().delete('q');
  const late = list();
  await h.settle();
  release();
  await h.settle();
  expect(early.error?.message).not.toContain('no such queue');
  expect(late.error).toMatchObject({ code: 'invalid' });
});
