import { describe, expect, test } from 'vitest';
import type { LeaseCall } from '../src/index.ts';
import { Harness, payloadOf, watch } from './support/harness.ts';

let clients = 0;

function lease(h: Harness, options: Partial<LeaseCall> = {}) {
  return watch(
    h.service.queue.lease({
      ...{ queueName: 'q', clientId: `c${++clients}`, batchSize: 10, requestTimeout: '1m' },
      ...options,
    }),
  );
}

const payloadsOf = ({ value }: ReturnType<typeof lease>) => value?.items.map(payloadOf);

async function withQueue(partitions = 1): Promise<Harness> {
  const h = new Harness();
  await h.create('q', { requestedPartitions: partitions, expireTimeout: '1h' });
  return h;
}

describe('min_items', () => {
  test('lets a consumer wait until a partition holds as many items', async () => {
    const h = await withQueue();
    const waiting = lease(h, { minItems: 3, maxWait: '30s' });
    await h.produce('q', ['a']);
    await h.produce('q', ['b']);
    await h.clock.advance('5s');
    expect(waiting.state).toBe('pending');
    await h.produce('q', ['c']);
    await h.settle();
    expect(payloadsOf(waiting)).toEqual(['a', 'b', 'c']);
  });

  test('is served by a produce that brings as many', async () => {
    const h = await withQueue();
    const waiting = lease(h, { minItems: 2 });
    await h.settle();
    await h.produce('q', ['a', 'b', 'c']);
    await h.settle();
    expect(payloadsOf(waiting)).toEqual(['a', 'b', 'c']);
  });

  test('takes what there is once something has been there for max_wait', async () => {
    const h = await withQueue();
    await h.produce('q', ['a']);
    const waiting = lease(h, { minItems: 3, maxWait: '10s' });
    await h.clock.advance('9s');
    expect(waiting.state).toBe('pending');
    await h.clock.advance('1s');
    expect(payloadsOf(waiting)).toEqual(['a']);
  });

  test('takes what there is before the request times out', async () => {
    const h = await withQueue();
    await h.produce('q', ['a']);
    const waiting = lease(h, { minItems: 3, maxWait: '10m', requestTimeout: '10s' });
    await h.clock.advance('9s');
    expect(payloadsOf(waiting)).toEqual(['a']);
  });

  test('is counted for each partition', async () => {
    const h = await withQueue(2);
    await h.produce('q', ['a']);
    await h.produce('q', ['b']);
    const waiting = lease(h, { minItems: 2, maxWait: '10s' });
    await h.clock.advance('9s');
    expect(waiting.state).toBe('pending');
    await h.clock.advance('1s');
    expect(payloadsOf(waiting)).toHaveLength(1);
  });

  test('does not keep items from consumers that take one', async () => {
    const h = await withQueue();
    const gathering = lease(h, { minItems: 3, maxWait: '30s' });
    const plain = lease(h, { batchSize: 1 });
    await h.produce('q', ['a']);
    await h.settle();
    expect(payloadsOf(plain)).toEqual(['a']);
    await h.produce('q', ['b', 'c']);
    await h.settle();
    expect(gathering.state).toBe('pending');
    await h.produce('q', ['d']);
    await h.settle();
    expect(payloadsOf(gathering)).toEqual(['b', 'c', 'd']);
  });

  test('is not shared out with other consumers', async () => {
    const h = await withQueue();
    const [one, other] = [lease(h, { minItems: 4 }), lease(h, { minItems: 4 })];
    await h.produce(
      'q',
      Array.from({ length: 8 }, (_, n) => `${n}`),
    );
    await h.settle();
    await h.clock.advance('100ms');
    expect([payloadsOf(one)?.length, payloadsOf(other)?.length]).toEqual([8, undefined]);
  });

  test('is not split by a consumer that asks at the same time', async () => {
    const h = await withQueue();
    await h.produce('q', ['a', 'b', 'c', 'd']);
    const [gathering, plain] = [lease(h, { minItems: 4 }), lease(h, { batchSize: 1 })];
    await h.settle();
    expect([payloadsOf(gathering)?.length, plain.state]).toEqual([4, 'pending']);
  });

  test('waits anew if others took everything', async () => {
    const h = await withQueue();
    await h.produce('q', ['a']);
    const gathering = lease(h, { minItems: 2, maxWait: '10s', requestTimeout: '5m' });
    await h.clock.advance('5s');
    await lease(h, { batchSize: 1 });
    await h.clock.advance('10s');
    expect(gathering.state).toBe('pending');
    await h.produce('q', ['b']);
    await h.clock.advance('1s');
    expect(gathering.state).toBe('pending');
    await h.clock.advance('10s');
    expect(payloadsOf(gathering)).toEqual(['b']);
  });

  test.each([
    [{ minItems: 11 }, 'min_items is invalid; expected 0 to the batch size 10, but 11 was requested'],
    [{ minItems: -1 }, 'min_items is invalid; expected 0 to the batch size 10, but -1 was requested'],
    [{ maxWait: '1s' }, 'max_wait is invalid; min_items must be greater than 1'],
    [{ minItems: 2, maxWait: '-1s' }, 'max_wait is invalid; must be greater than 0'],
    [{ minItems: 2, maxWait: '1d' }, 'max_wait is invalid;'],
  ])('is refused as %j', async (options, message) => {
    const h = await withQueue();
    const refused = lease(h, options);
    await h.settle();
    expect(refused.error).toMatchObject({ code: 'invalid', message: expect.stringContaining(message) });
  });
});

describe('lease_timeout', () => {
  test('is that of the request, and the lease ends then', async () => {
    const h = await withQueue();
    await h.produce('q', ['a']);
    const short = lease(h, { leaseTimeout: '2s' });
    await h.settle();
    expect(short.value?.items[0]?.leaseDeadline).toBe(h.clock.now() + 2_000_000n);
    const next = lease(h);
    await h.clock.advance('1900ms');
    expect(next.state).toBe('pending');
    await h.clock.advance('300ms');
    expect(next.value?.items).toMatchObject([{ attempts: 2 }]);
  });

  test('of one consumer is not that of another', async () => {
    const h = await withQueue();
    const [queueLong, short] = [lease(h, { batchSize: 1 }), lease(h, { batchSize: 1, leaseTimeout: '2s' })];
    const alsoShort = lease(h, { batchSize: 1, leaseTimeout: '2s' });
    await h.settle();
    await h.produce('q', ['a', 'b', 'c']);
    await h.clock.advance('1ms');
    const left = [queueLong, short, alsoShort].map(
      ({ value }) => (value?.items[0]?.leaseDeadline as bigint) - h.clock.now(),
    );
    expect(left.map((each) => Math.round(Number(each) / 1_000_000))).toEqual([60, 2, 2]);
  });

  test.each([
    ['2h', 'lease timeout is too long;'],
    ['0s', 'lease timeout is invalid;'],
    ['-1s', 'lease timeout is invalid;'],
    ['x', 'lease timeout is invalid;'],
  ])('is refused as %s', async (leaseTimeout, message) => {
    const h = await withQueue();
    await h.produce('q', ['a']);
    const refused = lease(h, { leaseTimeout });
    await h.settle();
    expect(refused.error?.message).toContain(message);
    expect((await h.lease('q')).items).toHaveLength(1);
  });
});
