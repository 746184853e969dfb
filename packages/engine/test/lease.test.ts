import { PAYLOAD_BUDGET, parseDuration } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { Harness, item, payloadOf, watch } from './support/harness.ts';

/**
 * A consumer that waits for items.
 *
 * @returns makes it leave.
 */
async function leaseToLeave(items: number, h: Harness): Promise<() => void> {
  const leaving = new AbortController();
  const call = { queueName: 'q', clientId: 'gone', batchSize: items, requestTimeout: '1m' };
  watch(h.service.queue.lease(call, { signal: leaving.signal }));
  await h.settle();
  return () => leaving.abort();
}

describe('lease', () => {
  test('gives the oldest items first, each once', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c']);
    const first = await h.lease('q', 2);
    const second = await h.lease('q', 2);
    expect(first.items.map(payloadOf)).toEqual(['a', 'b']);
    expect(second.items.map(payloadOf)).toEqual(['c']);
    expect(first.items.every(({ attempts }) => attempts === 1)).toBe(true);
    expect(first.items[0]?.leaseDeadline).toBe(h.clock.now() + 60_000_000n);
  });

  test('distributes items one at a time, in turn, to the waiting requests', async () => {
    const h = new Harness();
    await h.create('q');
    const answers = [h.lease('q', 2), h.lease('q', 5), h.lease('q', 1)];
    await h.settle();
    await h.produce('q', ['1', '2', '3', '4', '5', '6', '7']);
    const hands = (await Promise.all(answers)).map(({ items }) => items.map(payloadOf));
    expect(hands).toEqual([['1', '4'], ['2', '5', '6', '7'], ['3']]);
  });

  test('serves the first requests if there are fewer items than requests, and the others keep waiting', async () => {
    const h = new Harness();
    await h.create('q');
    const answers = [1, 2, 3].map(() => watch(h.lease('q', 10)));
    await h.settle();
    await h.produce('q', ['a', 'b']);
    await h.settle();
    expect(answers.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled', 'pending']);
    await h.produce('q', ['c']);
    await h.settle();
    expect(answers[2]?.value?.items.map(payloadOf)).toEqual(['c']);
  });

  test('spreads concurrent requests over the partitions, fullest first', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 2 });
    await h.service.queue.stats('q');
    await h.produce('q', ['a1', 'a2', 'a3']);
    await h.produce('q', ['b1', 'b2']);
    const [first, second] = await Promise.all([h.lease('q', 2), h.lease('q', 2)]);
    expect([first?.partition, first?.items.map(payloadOf)]).toEqual([0, ['a1', 'a2']]);
    expect([second?.partition, second?.items.map(payloadOf)]).toEqual([1, ['b1', 'b2']]);
  });

  test('times out with the documented text if no item arrives', async () => {
    const h = new Harness();
    await h.create('q');
    const answer = watch(h.lease('q', 1, { requestTimeout: '500ms' }));
    await h.clock.advance('499ms');
    expect(answer.state).toBe('pending');
    await h.clock.advance('1ms');
    expect(answer.error).toMatchObject({
      code: 'retry',
      message: 'request timeout; no items are in the queue, try again',
    });
  });

  test('refuses a client id that already waits, and accepts it again after the reply', async () => {
    const h = new Harness();
    await h.create('q');
    const first = watch(h.lease('q', 1, { clientId: 'me' }));
    await h.settle();
    await expect(h.lease('q', 1, { clientId: 'me' })).rejects.toMatchObject({
      code: 'invalid',
      message: 'duplicate client id; a client cannot make multiple leased requests to the same queue',
    });
    expect(first.state).toBe('pending');
    await h.produce('q', ['a', 'b']);
    await h.settle();
    expect(first.value?.items.map(payloadOf)).toEqual(['a']);
    expect((await h.lease('q', 1, { clientId: 'me' })).items.map(payloadOf)).toEqual(['b']);
  });

  test('leases nothing for a client that left before', async () => {
    const h = new Harness();
    await h.create('q');
    const leaving = new AbortController();
    const call = { queueName: 'q', clientId: 'gone', batchSize: 5, requestTimeout: '1m' };
    const gone = watch(h.service.queue.lease(call, { signal: leaving.signal }));
    await h.settle();
    leaving.abort();
    await h.produce('q', ['a']);
    await h.settle();
    expect(gone.state).toBe('rejected');
    const { items } = await h.lease('q');
    expect([items.map(payloadOf), items[0]?.attempts]).toEqual([['a'], 1]);
  });

  test('does not wait for a client that left before its request was processed', async () => {
    const h = new Harness();
    await h.create('q');
    const call = { queueName: 'q', clientId: 'gone', batchSize: 5, requestTimeout: '1m' };
    const signal = AbortSignal.abort();
    await expect(h.service.queue.lease(call, { signal })).rejects.toThrow('the caller is gone');
    const produce = { queueName: 'q', requestTimeout: '1m', items: [item('a')] };
    await expect(h.service.queue.produce(produce, { signal })).rejects.toThrow('the caller is gone');
    await h.settle();
    expect(await h.payloads('q')).toEqual([]);
    const { leaseWaiting, produceWaiting } = await h.service.queue.stats('q');
    expect([leaseWaiting, produceWaiting]).toEqual([0, 0]);
  });

  test('gives items of a client that left meanwhile to another waiting one', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b']);
    const release = h.storage.hold('lease', 0);
    const leave = await leaseToLeave(2, h);
    const other = watch(h.lease('q', 2));
    leave();
    release();
    await h.settle();
    expect(other.value?.items.map(payloadOf)).toEqual(['a', 'b']);
    expect(h.storage.count('release')).toBe(0);
  });

  test('returns items of a client that left to their old place if no other client waits', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b']);
    const release = h.storage.hold('lease', 0);
    const leave = await leaseToLeave(1, h);
    leave();
    release();
    await h.settle();
    expect(h.storage.count('release')).toBe(1);
    const { items } = await h.lease('q', 2);
    expect(items.map((each) => [payloadOf(each), each.attempts])).toEqual([
      ['a', 1],
      ['b', 1],
    ]);
  });

  test('never answers with items after a failed storage call; the request keeps waiting and is served later', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    h.storage.fail('lease', 0, 'not-applied');
    const answer = watch(h.lease('q', 1, { requestTimeout: '1m' }));
    await h.settle();
    expect(answer.state).toBe('pending');
    h.storage.heal(0);
    await h.clock.advance('5s');
    expect(answer.value?.items.map(payloadOf)).toEqual(['a']);
  });

  test('leaves items of a lease with unknown outcome until the lease ends', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    h.storage.fail('lease', 0, 'unknown-applied');
    const answer = watch(h.lease('q', 1, { requestTimeout: '5m' }));
    await h.settle();
    h.storage.heal(0);
    await h.clock.advance('59s');
    expect(answer.state).toBe('pending');
    await h.clock.advance('1m5s');
    expect(answer.value?.items.map((each) => [payloadOf(each), each.attempts])).toEqual([['a', 2]]);
  });

  test('serves a consumer from another partition if one is slow', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 2 });
    await h.service.queue.stats('q');
    await h.produce('q', ['a', 'a', 'a']);
    const release = h.storage.hold('lease', 0);
    const answer = watch(h.lease('q'));
    await h.settle();
    await h.produce('q', ['b']);
    await h.clock.advance('1s');
    expect(answer.value?.items.map(payloadOf)).toEqual(['b']);
    release();
    await h.settle();
    const { partitions } = await h.service.queue.stats('q');
    expect(partitions.map(({ waiting, leased }) => [waiting, leased])).toEqual([
      [3, 0],
      [0, 1],
    ]);
  });

  test('finds items that were stored without this process', async () => {
    const h = new Harness();
    await h.create('q');
    const waiting = watch(h.lease('q'));
    await h.settle();
    const store = h.storage.partitionStore({ queue: 'q', partition: 0 });
    await store.produce([{ items: [item('smuggled')] }], 3_600_000_000_000n as never);
    await h.clock.advance('2s');
    expect(waiting.value?.items.map(payloadOf)).toEqual(['smuggled']);
  });

  test('serves all waiting requests at once if there are more items than expected', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['first']);
    await h.lease('q');
    await h.produce('q', ['known']);
    const behind = h.storage.partitionStore({ queue: 'q', partition: 0 });
    const items = ['b', 'c', 'd', 'e'].map((text) => item(text));
    await behind.produce([{ items }], parseDuration('1h'));
    const answers = [1, 2, 3].map(() => watch(h.lease('q', 2)));
    await h.settle();
    expect(answers.map(({ value }) => value?.items.map(payloadOf))).toEqual([
      ['known', 'b'],
      ['c', 'e'],
      ['d'],
    ]);
  });

  test('distributes large items, which storage returns one at a time, to all waiting consumers at once', async () => {
    const h = new Harness();
    await h.create('q');
    const answers = [1, 2, 3, 4].map(() => watch(h.lease('q', 2)));
    await h.settle();
    const before = h.storage.count('lease');
    const items = ['a', 'b', 'c'].map((reference) => ({
      ...item('', { reference, payload: new Uint8Array(PAYLOAD_BUDGET) }),
      isLeased: false,
      attempts: 0,
      maxAttempts: 0,
    }));
    await h.service.storage.importItems({ queueName: 'q', partition: 0, items });
    await h.settle();
    expect(answers.map(({ value }) => value?.items.map(({ reference }) => reference))).toEqual([
      ['a'],
      ['b'],
      ['c'],
      undefined,
    ]);
    // One item for each partition, and one lease that finds nothing left.
    expect(h.storage.count('lease')).toBe(before + 4);
  });

  test('returns an item whose lease ended to the tail under a new id; the old id is invalid', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b']);
    const { items } = await h.lease('q');
    const old = items[0]?.id as string;
    await h.clock.advance('61s');
    expect(await h.payloads('q')).toEqual(['b', 'a']);
    await expect(
      h.service.queue.complete({ queueName: 'q', partition: 0, requestTimeout: '1s', ids: [old] }),
    ).rejects.toMatchObject({ code: 'invalid', message: `invalid storage id; '${old}' does not exist` });
    const again = await h.lease('q', 2);
    expect(again.items.map((each) => [payloadOf(each), each.attempts])).toEqual([
      ['b', 1],
      ['a', 2],
    ]);
  });

  test('wakes one of a thousand consumers for one item, with the statement that stores it', async () => {
    const h = new Harness();
    await h.create('q');
    const answers = Array.from({ length: 1_000 }, () => watch(h.lease('q')));
    await h.settle();
    const before = h.storage.count('lease');
    await h.produce('q', ['a']);
    await h.settle();
    expect(answers.filter(({ state }) => state === 'fulfilled')).toEqual([answers[0]]);
    expect(h.storage.count('lease')).toBe(before);
    expect((await h.service.queue.stats('q')).leaseWaiting).toBe(999);
  });

  /**
   * A consumer leaves while items are leased for it.
   *
   * @returns lets the release of its items end.
   */
  async function leaveWith(items: number, h: Harness): Promise<() => void> {
    const release = h.storage.hold('lease', 0);
    const putBack = h.storage.hold('release', 0, 'before');
    const leave = await leaseToLeave(items, h);
    leave();
    release();
    await h.settle();
    return putBack;
  }

  test('takes no items behind those that are being released until these are back', async () => {
    const h = new Harness({ statementsInFlight: 3 });
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c', 'd']);
    const putBack = await leaveWith(2, h);
    const next = watch(h.lease('q', 2));
    await h.settle();
    expect([h.storage.count('release'), h.storage.count('lease')]).toEqual([1, 1]);
    putBack();
    await h.settle();
    expect(next.value?.items.map(payloadOf)).toEqual(['a', 'b']);
  });

  test('assigns no produced item while older ones are being released', async () => {
    const h = new Harness({ statementsInFlight: 3 });
    await h.create('q');
    await h.produce('q', ['a']);
    const putBack = await leaveWith(1, h);
    const next = watch(h.lease('q', 2));
    await h.settle();
    await h.produce('q', ['b']);
    await h.settle();
    expect(next.state).toBe('pending');
    putBack();
    await h.settle();
    expect(next.value?.items.map(payloadOf)).toEqual(['a', 'b']);
  });

  test('does not give leftover items to a consumer for whom older items are in flight', async () => {
    const h = new Harness({ statementsInFlight: 3 });
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c', 'd']);
    const older = h.storage.hold('lease', 0);
    const first = watch(h.lease('q', 2));
    await h.settle();
    const later = h.storage.hold('lease', 0);
    const leave = await leaseToLeave(2, h);
    leave();
    later();
    await h.settle();
    expect(first.state).toBe('pending');
    older();
    await h.settle();
    expect([first.value?.items.map(payloadOf), h.storage.count('release')]).toEqual([['a', 'b'], 1]);
    expect((await h.lease('q', 2)).items.map(payloadOf)).toEqual(['c', 'd']);
  });

  test('gives leftover items to a consumer for whom only later items are in flight', async () => {
    const h = new Harness({ statementsInFlight: 3 });
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c', 'd']);
    const older = h.storage.hold('lease', 0);
    const leave = await leaseToLeave(2, h);
    const later = h.storage.hold('lease', 0);
    const second = watch(h.lease('q', 2));
    await h.settle();
    leave();
    older();
    await h.settle();
    expect(second.value?.items.map(payloadOf)).toEqual(['a', 'b']);
    later();
    await h.settle();
    expect((await h.lease('q', 2)).items.map(payloadOf)).toEqual(['c', 'd']);
  });

  test('gives late items to a consumer that waits for another partition, whose items are assigned or released', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 2 });
    for (const each of ['a0', 'b1', 'c1', 'd0']) await h.produce('q', [each]);
    const late = h.storage.hold('lease', 1);
    const first = watch(h.lease('q'));
    await h.settle();
    // The statement is slow: another partition serves its consumer.
    await h.clock.advance('30ms');
    expect(first.value?.items.map(payloadOf)).toEqual(['a0']);
    const next = h.storage.hold('lease', 0);
    const second = watch(h.lease('q'));
    await h.settle();
    late();
    await h.settle();
    expect(second.value?.items.map(payloadOf)).toEqual(['b1']);
    expect(h.storage.count('release')).toBe(0);
    const last = h.storage.hold('lease', 1);
    const third = watch(h.lease('q'));
    await h.settle();
    next();
    await h.settle();
    expect(third.value?.items.map(payloadOf)).toEqual(['d0']);
    last();
    await h.settle();
    expect(h.storage.count('release')).toBe(1);
    expect((await h.lease('q')).items.map((each) => [payloadOf(each), each.attempts])).toEqual([['c1', 1]]);
  });

  test('gives a consumer the first items even if the statement is slow: no second one overtakes it', async () => {
    const h = new Harness({ statementsInFlight: 2 });
    // As Node's timers, which may fire a little early.
    const startTimer = h.clock.startTimer.bind(h.clock);
    h.clock.startTimer = (delayMs, callback) => startTimer(delayMs - 0.5, callback);
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c', 'd']);
    const goOn = h.storage.hold('lease', 0);
    const leased = watch(h.lease('q', 2));
    await h.clock.advance('30ms');
    await h.clock.advance('1s');
    expect(h.storage.count('lease')).toBe(1);
    goOn();
    await h.settle();
    expect(leased.value?.items.map(payloadOf)).toEqual(['a', 'b']);
    expect((await h.lease('q', 2)).items.map(payloadOf)).toEqual(['c', 'd']);
  });
});
