import { describe, expect, test } from 'vitest';
import { Harness, payloadOf, watch } from './support/harness.ts';

const payloads = (leased: Awaited<ReturnType<Harness['lease']>> | undefined) => leased?.items.map(payloadOf);

describe('a partition whose count takes very long', () => {
  test('serves the items it already had from the first call on', async () => {
    const h = new Harness();
    await h.create('q');
    await h.storage
      .partitionStore({ queue: 'q', partition: 0 })
      .produce(
        [{ items: [{ encoding: '', kind: '', reference: '', payload: new Uint8Array() }] }],
        (10n ** 15n) as never,
      );
    h.storage.hold('stats', 0);
    const leased = watch(h.lease('q'));
    await h.settle();
    expect(leased.value?.items).toHaveLength(1);
    await h.produce('q', ['a']);
    expect(payloads(await h.lease('q'))).toEqual(['a']);
  });

  test('returns to service after a failure', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    h.storage.hold('stats', 0);
    h.storage.cut(0);
    const leased = watch(h.lease('q', 1, { requestTimeout: '15m' }));
    await h.clock.advance('20s');
    h.storage.heal(0);
    await h.clock.advance('5s');
    expect(payloads(leased.value)).toEqual(['a']);
    expect(h.logged).toContain('partition is back in service');
  });

  test('is out of service only while its probe fails', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    h.storage.fail('stats', 0, 'not-applied');
    h.storage.fail('lease', 0, 'not-applied');
    const leased = watch(h.lease('q', 1, { requestTimeout: '15m' }));
    await h.settle();
    h.storage.fail('probe', 0, 'not-applied');
    await h.clock.advance('1m');
    await expect(
      h.service.queue.complete({ queueName: 'q', partition: 0, requestTimeout: '1m', ids: ['x'] }),
    ).rejects.toMatchObject({ code: 'retry' });
    h.storage.heal(0);
    h.storage.fail('stats', 0, 'not-applied');
    await h.clock.advance('5s');
    expect(payloads(leased.value)).toEqual(['a']);
  });
});

test('starts a further count only after the running one has ended', async () => {
  const h = new Harness();
  await h.create('q');
  await h.service.queue.stats('q');
  const before = h.storage.count('stats');
  const release = h.storage.hold('stats', 0);
  const asked = Array.from({ length: 50 }, () => watch(h.service.queue.stats('q')));
  await h.settle();
  expect(h.storage.count('stats') - before).toBe(1);
  release();
  await h.settle();
  expect(asked.every(({ state }) => state === 'fulfilled')).toBe(true);
  expect(h.storage.count('stats') - before).toBeLessThanOrEqual(2);
});

test('keeps the changes that were made during a count', async () => {
  const h = new Harness();
  await h.create('q', { requestedPartitions: 2 });
  // Partition 0 is counted while it is empty.
  const release = h.storage.hold('stats', 0);
  await h.produce('q', ['a', 'b', 'c']);
  await h.produce('q', ['d']);
  expect([await h.payloads('q', 0), await h.payloads('q', 1)]).toEqual([['a', 'b', 'c'], ['d']]);
  release();
  await h.settle();
  // It counts as the fuller one all the same.
  await h.produce('q', ['e']);
  expect(await h.payloads('q', 1)).toEqual(['d', 'e']);
});

test('lets a reload end after half a minute, whatever number of probes it waits for', async () => {
  const h = new Harness();
  for (const name of ['a', 'b', 'c']) {
    await h.create(name);
    await h.produce(name, [name]);
  }
  const release = h.storage.hold('probe', 0, 'before');
  const reloads = ['a', 'b', 'c'].map((name) => watch(h.service.queue.reload(name)));
  await h.clock.advance('29s');
  expect(reloads.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
  await h.clock.advance('1s');
  expect(reloads.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  release();
  await h.settle();
  await h.service.shutdown();
  expect(h.clock.pendingTimers).toBe(0);
});
