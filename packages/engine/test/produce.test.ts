import { describe, expect, test } from 'vitest';
import { Harness, item, payloadOf, watch } from './support/harness.ts';

describe('produce', () => {
  test('stores the items of a request together and in order', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c']);
    await h.produce('q', ['d']);
    expect(await h.payloads('q')).toEqual(['a', 'b', 'c', 'd']);
  });

  test('sends requests that arrive while storage is busy in one statement, in order of arrival', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['first']);
    const release = h.storage.hold('produce', 0);
    const before = h.storage.count('produce');
    const busy = h.produce('q', ['busy']);
    await h.settle();
    const waiting = ['a', 'b', 'c', 'd'].map((text) => h.produce('q', [text]));
    await h.settle();
    expect(h.storage.count('produce')).toBe(before + 1);
    release();
    await Promise.all([busy, ...waiting]);
    expect(h.storage.count('produce')).toBe(before + 2);
    expect(await h.payloads('q')).toEqual(['first', 'busy', 'a', 'b', 'c', 'd']);
  });

  test('is not answered before storage has answered', async () => {
    const h = new Harness();
    await h.create('q');
    await h.settle();
    const release = h.storage.hold('produce', 0);
    const answer = watch(h.produce('q', ['a']));
    await h.settle();
    expect(answer.state).toBe('pending');
    release();
    await h.settle();
    expect(answer.state).toBe('fulfilled');
  });

  test('spreads requests of one turn over the partitions by load', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 3 });
    await h.service.queue.stats('q');
    await Promise.all(
      [1, 2, 3, 4, 5].map((count) =>
        h.produce(
          'q',
          Array.from({ length: count }, () => `${count}`),
        ),
      ),
    );
    const { partitions } = await h.service.queue.stats('q');
    expect(partitions.map(({ partition, waiting }) => [partition, waiting])).toEqual([
      [0, 5],
      [1, 7],
      [2, 3],
    ]);
  });

  test('sends items that a partition certainly did not store to a healthy one', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 2 });
    await h.service.queue.stats('q');
    h.storage.fail('produce', 0, 'not-applied');
    await h.produce('q', ['a', 'b']);
    expect(await h.payloads('q', 0)).toEqual([]);
    expect(await h.payloads('q', 1)).toEqual(['a', 'b']);
  });

  test('is not sent to another partition after its caller was answered', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 2 });
    await h.service.queue.stats('q');
    h.storage.fail('produce', 0, 'not-applied');
    const release = h.storage.hold('produce', 0, 'before');
    const answer = watch(h.produce('q', ['late'], '1s'));
    await h.clock.advance('1s');
    expect(answer.error?.message).toBe('request outcome unknown; items may have been produced');
    release();
    await h.clock.advance('10s');
    expect(h.storage.count('produce')).toBe(1);
    expect([await h.payloads('q', 0), await h.payloads('q', 1)]).toEqual([[], []]);
  });

  test('waits if no partition is healthy, and fails at its request timeout without effect', async () => {
    const h = new Harness();
    await h.create('q');
    await h.service.queue.stats('q');
    h.storage.cut(0);
    const answer = watch(h.produce('q', ['a'], '2s'));
    await h.clock.advance('1999ms');
    expect(answer.state).toBe('pending');
    await h.clock.advance('1ms');
    expect(answer.error).toMatchObject({
      code: 'retry',
      message: 'request timeout; items were not produced, try again',
    });
    h.storage.heal(0);
    await h.clock.advance('10s');
    expect(await h.payloads('q')).toEqual([]);
  });

  test('stores a waiting request once the partition is back in service', async () => {
    const h = new Harness();
    await h.create('q');
    await h.service.queue.stats('q');
    h.storage.cut(0);
    const answers = ['a', 'b', 'c'].map((text) => watch(h.produce('q', [text], '1m')));
    await h.clock.advance('3s');
    expect(answers.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
    h.storage.heal(0);
    await h.clock.advance('5s');
    expect(answers.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(await h.payloads('q')).toEqual(['a', 'b', 'c']);
  });

  test.each(['unknown-applied', 'unknown-lost'] as const)(
    'reports an unknown outcome (%s) as such, and sends the items to no other partition',
    async (how) => {
      const h = new Harness();
      await h.create('q', { requestedPartitions: 2 });
      await h.service.queue.stats('q');
      h.storage.fail('produce', 0, how);
      await expect(h.produce('q', ['a'])).rejects.toMatchObject({
        code: 'retry',
        message: 'request outcome unknown; items may have been produced',
      });
      expect(await h.payloads('q', 1)).toEqual([]);
    },
  );

  test('reports an unknown outcome if the request times out while storage has it', async () => {
    const h = new Harness();
    await h.create('q');
    await h.service.queue.stats('q');
    const release = h.storage.hold('produce', 0);
    const answer = watch(h.produce('q', ['a'], '1s'));
    await h.clock.advance('1s');
    expect(answer.error?.message).toBe('request outcome unknown; items may have been produced');
    release();
  });

  test('stores nothing for a client that leaves before its items were sent', async () => {
    const h = new Harness();
    await h.create('q');
    await h.service.queue.stats('q');
    const release = h.storage.hold('produce', 0);
    const busy = h.produce('q', ['busy']);
    await h.settle();
    const leaving = new AbortController();
    const answer = watch(
      h.service.queue.produce(
        { queueName: 'q', requestTimeout: '1m', items: [item('gone')] },
        { signal: leaving.signal },
      ),
    );
    await h.settle();
    leaving.abort();
    release();
    await busy;
    await h.settle();
    expect(answer.state).toBe('rejected');
    expect(await h.payloads('q')).toEqual(['busy']);
  });

  test('refuses requests beyond the buffer at once while storage is busy', async () => {
    const h = new Harness({ requestsBuffered: 3 });
    await h.create('q');
    await h.service.queue.stats('q');
    const release = h.storage.hold('produce', 0);
    const first = watch(h.produce('q', ['first']));
    await h.settle();
    const answers = ['a', 'b', 'c', 'd'].map((text) => watch(h.produce('q', [text])));
    await h.settle();
    expect(answers.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending', 'rejected']);
    expect(answers[3]?.error).toMatchObject({
      code: 'retry',
      message: 'queue is overloaded; try again later',
    });
    release();
    await h.settle();
    expect(first.state).toBe('fulfilled');
    expect(await h.payloads('q')).toEqual(['first', 'a', 'b', 'c']);
  });

  test('accepts more requests than the buffer holds while storage is idle', async () => {
    const h = new Harness({ requestsBuffered: 3 });
    await h.create('q');
    await h.service.queue.stats('q');
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((text) => h.produce('q', [text])));
    expect(await h.payloads('q')).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('sends no more items and bytes in a statement than its limits', async () => {
    const h = new Harness({ statementItems: 4, statementBytes: 10 });
    await h.create('q');
    await h.service.queue.stats('q');
    const release = h.storage.hold('produce', 0);
    const all = [h.produce('q', ['0'])];
    await h.settle();
    all.push(
      ...['12', '34', '567890', '1234', '5', '6', '7', '8', '9'].map((text) => h.produce('q', [text])),
    );
    await h.settle();
    release();
    await Promise.all(all);
    const sizes = h.storage.calls
      .filter(({ operation }) => operation === 'produce')
      .map(({ args }) => (args[0] as unknown[]).length);
    expect(sizes).toEqual([1, 3, 4, 2]);
    expect(await h.payloads('q')).toEqual(['0', '12', '34', '567890', '1234', '5', '6', '7', '8', '9']);
  });

  test('offers a scheduled item when it is due, and not before', async () => {
    const h = new Harness();
    await h.create('q');
    const at = (h.clock.now() + 5_000_000n) as ReturnType<typeof h.clock.now>;
    await h.service.queue.produce({
      queueName: 'q',
      requestTimeout: '1m',
      items: [item('later', { enqueueAt: at })],
    });
    const answer = watch(h.lease('q'));
    await h.clock.advance('4999ms');
    expect(answer.state).toBe('pending');
    await h.clock.advance('10ms');
    expect(answer.value?.items.map(payloadOf)).toEqual(['later']);
  });
});
