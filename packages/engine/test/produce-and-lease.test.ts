import { parseDuration } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { Harness, item, payloadOf, watch } from './support/harness.ts';

const textsOf = (seen: ReturnType<typeof watch<{ items: readonly { payload: Uint8Array }[] }>>) =>
  seen.value?.items.map(payloadOf);

/** A queue with consumers that wait for items, after leases that found none. */
async function withWaiting(count: number, limit = 1) {
  const h = new Harness();
  await h.create('q');
  const waiting = Array.from({ length: count }, () => watch(h.lease('q', limit)));
  await h.settle();
  return { h, waiting };
}

/** The partition as another process sees it. */
const elsewhere = (h: Harness) => h.storage.partitionStore({ queue: 'q', partition: 0 });
const EXPIRE_TIMEOUT = parseDuration('24h');

describe('items for waiting consumers', () => {
  test('are leased by the statement that stores them, and behave like any other leased item', async () => {
    const { h, waiting } = await withWaiting(2, 2);
    const before = h.storage.count('lease');
    await h.produce('q', ['a', 'b', 'c', 'd', 'e']);
    await h.settle();
    expect(waiting.map(textsOf)).toEqual([
      ['a', 'c'],
      ['b', 'd'],
    ]);
    expect(h.storage.count('produceAndLease')).toBe(1);
    expect(h.storage.count('produce') + h.storage.count('lease') - before).toBe(0);
    const stored = await h.service.storage.listItems({ queueName: 'q', partition: 0, pivot: '', limit: 0 });
    expect(stored.map(({ isLeased, attempts }) => [isLeased, attempts])).toEqual([
      ...Array.from({ length: 4 }, () => [true, 1]),
      [false, 0],
    ]);
    expect(waiting[0]?.value?.items[0]?.leaseDeadline).toBe(stored[0]?.leaseDeadline);
    const ids = stored.slice(0, 4).map(({ id }) => id);
    await h.service.queue.complete({ queueName: 'q', partition: 0, requestTimeout: '1s', ids });
    expect(await h.payloads('q')).toEqual(['e']);
  });

  test('return to the queue when their leases end', async () => {
    const { h, waiting } = await withWaiting(1);
    await h.produce('q', ['a']);
    await h.settle();
    expect(waiting.map(textsOf)).toEqual([['a']]);
    const again = watch(h.lease('q', 1, { requestTimeout: '5m' }));
    await h.clock.advance('61s');
    expect(again.value?.items).toMatchObject([{ attempts: 2 }]);
  });

  test('stay behind older items, whichever process stored those', async () => {
    const { h, waiting } = await withWaiting(1);
    await elsewhere(h).produce([{ items: [item('older')] }], EXPIRE_TIMEOUT);
    await h.produce('q', ['newer']);
    await h.settle();
    expect(waiting.map(textsOf)).toEqual([['older']]);
    const next = watch(h.lease('q'));
    await h.settle();
    expect(textsOf(next)).toEqual(['newer']);
  });

  test('with a schedule are not leased', async () => {
    const { h, waiting } = await withWaiting(1);
    const enqueueAt = (h.clock.now() + 5_000_000n) as ReturnType<typeof h.clock.now>;
    const items = [item('later', { enqueueAt }), item('now')];
    await h.service.queue.produce({ queueName: 'q', requestTimeout: '1m', items });
    await h.settle();
    expect(h.storage.count('produceAndLease')).toBe(0);
    expect(waiting.map(textsOf)).toEqual([['now']]);
  });

  test('go to another consumer, or to their place in the queue, if their consumer has left', async () => {
    const { h } = await withWaiting(0);
    const leaving = new AbortController();
    const call = { queueName: 'q', batchSize: 2, clientId: 'leaves', requestTimeout: '1m' };
    const left = watch(h.service.queue.lease(call, { signal: leaving.signal }));
    const stays = watch(h.lease('q', 1));
    await h.settle();
    const release = h.storage.hold('produceAndLease', 0);
    const produced = watch(h.produce('q', ['a', 'b', 'c']));
    await h.settle();
    leaving.abort();
    release();
    await h.settle();
    expect(produced.state).toBe('fulfilled');
    expect(left.state).toBe('rejected');
    expect(textsOf(stays)).toEqual(['a']);
    const next = watch(h.lease('q', 5));
    await h.settle();
    expect(next.value?.items.map((each) => [payloadOf(each), each.attempts])).toEqual([
      ['b', 1],
      ['c', 1],
    ]);
  });

  test('that were not stored leave their consumers waiting, and are stored by the next attempt', async () => {
    const { h, waiting } = await withWaiting(1);
    h.storage.fail('produceAndLease', 0, 'not-applied');
    const produced = watch(h.produce('q', ['a']));
    await h.settle();
    expect([produced.state, waiting[0]?.state]).toEqual(['pending', 'pending']);
    h.storage.heal(0);
    await h.clock.advance('2s');
    expect(produced.state).toBe('fulfilled');
    expect(waiting.map(textsOf)).toEqual([['a']]);
  });

  test('with an unknown outcome are reported as such, and no consumer gets them before their leases end', async () => {
    const { h, waiting } = await withWaiting(1);
    h.storage.fail('produceAndLease', 0, 'unknown-applied');
    const produced = watch(h.produce('q', ['a']));
    await h.settle();
    expect(produced.error?.message).toBe('request outcome unknown; items may have been produced');
    h.storage.heal(0);
    expect(waiting[0]?.state).toBe('pending');
    const patient = watch(h.lease('q', 1, { requestTimeout: '10m' }));
    await h.clock.advance('2m');
    expect([waiting[0], patient].flatMap((each) => (each?.value ? [textsOf(each)] : []))).toEqual([['a']]);
  });

  test('are stored in a shutdown, and wait for the next start', async () => {
    const { h, waiting } = await withWaiting(1);
    const release = h.storage.hold('produceAndLease', 0);
    const produced = watch(h.produce('q', ['a']));
    await h.settle();
    const done = watch(h.service.shutdown());
    await h.settle();
    expect(waiting[0]?.error).toMatchObject({ message: 'queue is shutting down' });
    release();
    await h.settle();
    expect([produced.state, done.state]).toEqual(['fulfilled', 'fulfilled']);
    expect((await elsewhere(h).stats()).waiting).toBe(1);
  });

  test('are found by consumers that arrived while the partition was known to be empty', async () => {
    const h = new Harness({ emptyMs: 100 });
    await h.create('q');
    const first = watch(h.lease('q'));
    await h.settle();
    const leases = h.storage.count('lease');
    await elsewhere(h).produce([{ items: [item('from elsewhere')] }], EXPIRE_TIMEOUT);
    const second = watch(h.lease('q'));
    await h.settle();
    expect(h.storage.count('lease')).toBe(leases);
    await h.clock.advance('100ms');
    expect(h.storage.count('lease')).toBe(leases + 1);
    expect([first, second].map(textsOf)).toEqual([['from elsewhere'], undefined]);
  });

  test('are looked for at once by consumers with a short request timeout', async () => {
    const h = new Harness({ emptyMs: 100 });
    await h.create('q');
    void watch(h.lease('q', 1, { requestTimeout: '50ms' }));
    await h.settle();
    await h.clock.advance('60ms');
    await elsewhere(h).produce([{ items: [item('a')] }], EXPIRE_TIMEOUT);
    const hasty = watch(h.lease('q', 1, { requestTimeout: '150ms' }));
    await h.settle();
    expect(textsOf(hasty)).toEqual(['a']);
  });
});

describe('two statements of a kind on one partition', () => {
  test('a produce does not wait for an earlier one', async () => {
    const h = new Harness({ statementsInFlight: 2 });
    await h.create('q');
    await h.service.queue.stats('q');
    const release = h.storage.hold('produce', 0, 'before');
    const answers: ReturnType<typeof watch<void>>[] = [];
    for (const text of ['a', 'b', 'c', 'd']) {
      answers.push(watch(h.produce('q', [text])));
      await h.settle();
    }
    expect(h.storage.count('produce')).toBe(2);
    release();
    await h.settle();
    expect(answers.map(({ state }) => state)).toEqual(answers.map(() => 'fulfilled'));
    // The requests that came while both were in flight went together.
    expect(h.storage.count('produce')).toBe(3);
    expect((await h.payloads('q')).slice(2)).toEqual(['c', 'd']);
  });

  test('a complete does not wait for an earlier one', async () => {
    const h = new Harness({ statementsInFlight: 2 });
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c']);
    const { items } = await h.lease('q', 3);
    const release = h.storage.hold('complete', 0);
    const call = { queueName: 'q', partition: 0, requestTimeout: '1s' };
    const answers = [];
    for (const { id } of items) {
      answers.push(watch(h.service.queue.complete({ ...call, ids: [id] })));
      await h.settle();
    }
    expect(h.storage.count('complete')).toBe(2);
    release();
    await h.settle();
    expect(answers.map(({ state }) => state)).toEqual(answers.map(() => 'fulfilled'));
    expect(await h.payloads('q')).toEqual([]);
  });

  test('another lease serves consumers that arrive while one is in flight', async () => {
    const h = new Harness({ statementsInFlight: 2 });
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c']);
    const release = h.storage.hold('lease', 0);
    const answers: ReturnType<typeof watch<{ items: readonly { payload: Uint8Array }[] }>>[] = [];
    for (let n = 0; n < 4; n++) {
      answers.push(watch(h.lease('q')));
      await h.settle();
    }
    expect(h.storage.count('lease')).toBe(2);
    release();
    await h.settle();
    expect(answers.map(textsOf)).toEqual([['a'], ['b'], ['c'], undefined]);
  });
});
