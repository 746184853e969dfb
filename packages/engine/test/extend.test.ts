import { describe, expect, test } from 'vitest';
import { Harness } from './support/harness.ts';

const UNKNOWN = `0${'f'.repeat(16)}0123456789`;

function extend(h: Harness, ids: readonly string[], leaseTimeout = '1m', partition = 0, maxHold = '') {
  return h.service.leasedItems.extend({
    ...{ queueName: 'q', partition, requestTimeout: '5s' },
    ...{ leaseTimeout, ids, maxHold },
  });
}

async function leased(h: Harness, count: number): Promise<string[]> {
  const { items } = await h.lease('q', count);
  return items.map(({ id }) => id);
}

describe('extend', () => {
  test('lets a consumer keep an item for as long as it extends the lease', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    const ids = await leased(h, 1);
    for (let n = 0; n < 10; n++) {
      await h.clock.advance('30s');
      expect(await extend(h, ids)).toMatchObject([{ ok: true }]);
    }
    await h.service.queue.complete({ queueName: 'q', partition: 0, requestTimeout: '5s', ids });
    expect(await h.payloads('q')).toEqual([]);
  });

  test('answers each id, in the order of the request', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c']);
    const [a, b] = (await leased(h, 2)) as [string, string];
    const outcomes = await extend(h, [b, UNKNOWN, a, 'short'], '2m');
    const leaseDeadline = h.clock.now() + 120_000_000n;
    expect(outcomes).toEqual([
      { ok: true, value: leaseDeadline },
      { ok: false, error: expect.objectContaining({ code: 'invalid', reason: 'lease_lost' }) },
      { ok: true, value: leaseDeadline },
      { ok: false, error: expect.objectContaining({ code: 'invalid', reason: 'no_such_item' }) },
    ]);
  });

  test('ends a lease that was shortened at its new deadline', async () => {
    const h = new Harness();
    await h.create('q', { leaseTimeout: '10m' });
    await h.produce('q', ['a']);
    const [id] = (await leased(h, 1)) as [string];
    await extend(h, [id], '1s');
    await h.clock.advance('1100ms');
    expect((await h.lease('q', 1)).items[0]).toMatchObject({ attempts: 2 });
    expect(await extend(h, [id])).toMatchObject([{ error: { reason: 'lease_lost' } }]);
  });

  test('puts the requests of a busy partition into one statement, each with its own timeout', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c']);
    const [a, b, c] = (await leased(h, 3)) as [string, string, string];
    const answers = await Promise.all([
      extend(h, [a, UNKNOWN], '2m'),
      extend(h, [b], '5s'),
      extend(h, [c], '3m'),
    ]);
    const in_ = (seconds: bigint) => ({ ok: true, value: h.clock.now() + seconds * 1_000_000n });
    expect(answers).toEqual([[in_(120n), expect.objectContaining({ ok: false })], [in_(5n)], [in_(180n)]]);
    expect(h.storage.count('extend')).toBe(1);
  });

  test('keeps a lease no longer than the consumer allows, and leaves it then', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    const [id] = (await leased(h, 1)) as [string];
    const bounded = () => extend(h, [id], '1m', 0, '2m');
    for (let n = 0; n <= 4; n++) {
      expect(await bounded()).toMatchObject([{ ok: true }]);
      await h.clock.advance('30s');
    }
    expect(await bounded()).toMatchObject([
      {
        error: {
          reason: 'over_limit',
          message: `lease cannot be extended; '${id}' has been held for more than '2m0s'`,
        },
      },
    ]);
    await h.clock.advance('29s');
    expect(await h.payloads('q')).toEqual(['a']);
    await h.clock.advance('2s');
    expect((await h.lease('q', 1)).items[0]).toMatchObject({ attempts: 2 });
  });

  test('is refused with "retry" after a storage failure', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    const ids = await leased(h, 1);
    h.storage.fail('extend', 0, 'unknown-applied');
    await expect(extend(h, ids)).rejects.toMatchObject({ code: 'retry', reason: 'outcome_unknown' });
    await expect(extend(h, ids)).rejects.toMatchObject({ code: 'retry', reason: 'unavailable' });
    h.storage.heal(0);
    await h.clock.advance('5s');
    expect(await extend(h, ids)).toMatchObject([{ ok: true }]);
  });

  test('is refused for a storage that cannot extend leases', async () => {
    const h = new Harness();
    const { partitionStore } = h.storage;
    h.storage.partitionStore = (key, owner) => {
      const { extend: _, ...store } = partitionStore.call(h.storage, key, owner);
      return store;
    };
    await h.create('q');
    await h.produce('q', ['a']);
    await expect(extend(h, await leased(h, 1))).rejects.toMatchObject({
      code: 'failed',
      reason: 'unavailable',
      message: 'leases cannot be extended; the storage of the partition has no such call',
    });
  });

  test.each([
    [{ partition: 1 }, "partition is invalid; '1' is not a valid partition"],
    [{ ids: [] }, 'ids is invalid; list of ids cannot be empty'],
    [{ ids: ['x', 'x'] }, "invalid storage id; 'x' is listed more than once"],
    [{ requestTimeout: '' }, "request timeout is required; '5m' is recommended, 15m is the maximum"],
    [{ leaseTimeout: '' }, 'lease timeout is invalid; cannot be empty'],
    [{ maxHold: '-1s' }, 'max hold is invalid; cannot be negative'],
    [{ maxHold: '0s' }, 'max hold is invalid; cannot be empty'],
    [{ leaseTimeout: '-1s' }, 'lease timeout is invalid; cannot be negative'],
    [
      { leaseTimeout: '1d' },
      'lease timeout is invalid; time: unknown unit "d" in duration "1d" - expected format: 8m, 15m or 1h',
    ],
    [
      { leaseTimeout: '24h0m1s' },
      'lease timeout is too long; 24h0m1s cannot be greater than the expire timeout 24h0m0s',
    ],
    [
      { ids: Array.from({ length: 1_001 }, (_, i) => `${i}`) },
      'ids is invalid; max_complete_batch_size is 1000 but received 1001',
    ],
    [{ queueName: 'nope' }, "queue does not exist; no such queue named 'nope'"],
  ])('refuses %j without a call of storage', async (wrong, message) => {
    const h = new Harness();
    await h.create('q');
    const good = { queueName: 'q', partition: 0, requestTimeout: '5s', leaseTimeout: '1m', ids: ['x'] };
    await expect(h.service.leasedItems.extend({ ...good, ...wrong })).rejects.toMatchObject({
      code: 'invalid',
      message,
    });
    expect(h.storage.count('extend')).toBe(0);
  });
});
