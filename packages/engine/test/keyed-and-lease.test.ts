import { addDuration, parseDuration } from '@querator/core';
import { expect, test } from 'vitest';
import { Harness, item, payloadOf, watch } from './support/harness.ts';

const textsOf = (seen: ReturnType<typeof watch<{ items: readonly { payload: Uint8Array }[] }>>) =>
  seen.value?.items.map(payloadOf);

/** A queue with consumers that wait for items, after leases that found none. */
async function withWaiting(count: number, limit = 1) {
  const h = new Harness({ statementsInFlight: 2 });
  await h.create('q');
  const waiting = Array.from({ length: count }, () => watch(h.lease('q', limit)));
  await h.settle();
  return { h, waiting, leases: h.storage.count('lease') };
}

/** Produces items under one key. */
function produce(h: Harness, dedupKey: string, items: readonly (string | ReturnType<typeof item>)[]) {
  return watch(
    h.service.keyedProduces.produce({
      ...{ queueName: 'q', requestTimeout: '1m', dedupKey, itemKeys: [], dedupWindow: '' },
      items: items.map((each) => (typeof each === 'string' ? item(each) : each)),
    }),
  );
}

test('the statement that stores items with a key leases them for waiting consumers', async () => {
  const { h, waiting, leases } = await withWaiting(2, 2);
  const produced = produce(h, 'k', ['a', 'b', 'c', 'd', 'e']);
  await h.settle();
  expect(waiting.map(textsOf)).toEqual([
    ['a', 'c'],
    ['b', 'd'],
  ]);
  expect(h.storage.count('produceKeyedAndLease')).toBe(1);
  expect([h.storage.count('produceKeyed'), h.storage.count('lease')]).toEqual([0, leases]);
  const stored = await h.service.storage.listItems({ queueName: 'q', partition: 0, pivot: '', limit: 0 });
  expect(stored.map(({ isLeased, attempts }) => [isLeased, attempts])).toEqual([
    ...Array.from({ length: 4 }, () => [true, 1]),
    [false, 0],
  ]);
  expect(produced.value).toEqual(stored.map(({ id }) => ({ id, partition: 0, duplicate: false })));
  const again = produce(h, 'k', ['a', 'b', 'c', 'd', 'e']);
  await h.settle();
  expect(again.value).toEqual(produced.value?.map((each) => ({ ...each, duplicate: true })));
  expect(await h.payloads('q')).toHaveLength(5);
});

test('the producer is answered before the consumers of its items, so that its next items come sooner', async () => {
  const h = new Harness();
  await h.create('q');
  const answered: string[] = [];
  for (const how of ['with a key', 'without']) {
    const leased = h.lease('q').then(() => answered.push('consumer'));
    await h.settle();
    const call = { queueName: 'q', requestTimeout: '1m', dedupKey: 'k', itemKeys: [], dedupWindow: '' };
    const produced: Promise<unknown> =
      how === 'without'
        ? h.produce('q', ['a'])
        : h.service.keyedProduces.produce({ ...call, items: [item('a')] });
    await Promise.all([leased, produced.then(() => answered.push(`producer ${how}`))]);
  }
  expect(answered).toEqual(['producer with a key', 'consumer', 'producer without', 'consumer']);
  expect([h.storage.count('produceKeyedAndLease'), h.storage.count('produceAndLease')]).toEqual([1, 1]);
});

test('consumers of items with keys get older items first, whichever process stored those', async () => {
  const { h, waiting } = await withWaiting(1);
  const elsewhere = h.storage.partitionStore({ queue: 'q', partition: 0 });
  await elsewhere.produce([{ items: [item('older')] }], parseDuration('24h'));
  produce(h, 'k', ['newer']);
  await h.settle();
  expect(waiting.map(textsOf)).toEqual([['older']]);
  const next = watch(h.lease('q'));
  await h.settle();
  expect(textsOf(next)).toEqual(['newer']);
});

test('consumers that a duplicate woke get the next item', async () => {
  const { h, waiting } = await withWaiting(1);
  produce(h, 'k', ['a']);
  await h.settle();
  const second = watch(h.lease('q'));
  await h.settle();
  const duplicate = produce(h, 'k', ['a']);
  await h.settle();
  expect(duplicate.value).toMatchObject([{ duplicate: true }]);
  expect(second.state).toBe('pending');
  produce(h, 'l', ['b']);
  await h.settle();
  expect([...waiting, second].map(textsOf)).toEqual([['a'], ['b']]);
});

test('items with keys and a schedule are not leased', async () => {
  const { h, waiting } = await withWaiting(1);
  const enqueueAt = addDuration(h.clock.now(), parseDuration('5s'));
  produce(h, 'k', [item('later', { enqueueAt }), 'now']);
  await h.settle();
  expect(h.storage.count('produceKeyedAndLease')).toBe(0);
  expect(waiting.map(textsOf)).toEqual([['now']]);
});

test.each(['unknown-applied', 'unknown-lost'] as const)(
  'after an unknown outcome a repeat is safe, and each item goes to one consumer: %s',
  async (fault) => {
    const { h, waiting } = await withWaiting(1);
    h.storage.fail('produceKeyedAndLease', 0, fault);
    const lost = produce(h, 'k', ['a']);
    await h.settle();
    expect(lost.error).toMatchObject({ code: 'retry', reason: 'outcome_unknown' });
    h.storage.heal(0);
    const repeated = produce(h, 'k', ['a']);
    await h.settle();
    expect(repeated.value).toMatchObject([{ duplicate: fault === 'unknown-applied' }]);
    const patient = watch(h.lease('q', 1, { requestTimeout: '10m' }));
    await h.clock.advance('2m');
    const given = [...waiting, patient].flatMap((each) => (each.value ? [textsOf(each)] : []));
    expect(given).toEqual(fault === 'unknown-applied' ? [['a']] : [['a'], ['a']]);
    expect(await h.payloads('q')).toEqual(['a']);
  },
);

test('items with keys that certainly were not stored leave their consumers waiting', async () => {
  const { h, waiting } = await withWaiting(1);
  h.storage.fail('produceKeyedAndLease', 0, 'not-applied');
  const produced = produce(h, 'k', ['a']);
  await h.settle();
  expect([produced.state, waiting[0]?.state]).toEqual(['pending', 'pending']);
  h.storage.heal(0);
  await h.clock.advance('5s');
  expect(produced.value).toMatchObject([{ duplicate: false }]);
  expect(waiting.map(textsOf)).toEqual([['a']]);
});

test('items with keys go back to their place if their consumer has left meanwhile', async () => {
  const { h } = await withWaiting(0);
  const leaving = new AbortController();
  const call = { queueName: 'q', batchSize: 2, clientId: 'leaves', requestTimeout: '1m' };
  watch(h.service.queue.lease(call, { signal: leaving.signal }));
  await h.settle();
  const release = h.storage.hold('produceKeyedAndLease', 0);
  const produced = produce(h, 'k', ['a', 'b', 'c']);
  await h.settle();
  leaving.abort();
  release();
  await h.settle();
  expect(produced.state).toBe('fulfilled');
  const next = watch(h.lease('q', 5));
  await h.settle();
  expect(next.value?.items.map((each) => [payloadOf(each), each.attempts])).toEqual([
    ['a', 1],
    ['b', 1],
    ['c', 1],
  ]);
});
