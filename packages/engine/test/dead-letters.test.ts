import type { PartitionStore } from '@querator/core';
import { describe, expect, test } from 'vitest';
import type { QueueCall } from '../src/index.ts';
import { Harness, item, payloadOf, queueCall, watch } from './support/harness.ts';

/** Failed moves are tried again within this time. */
const LONGEST_PAUSE = '6s';

/** A queue whose only item dies within a minute, and its dead-letter queue. */
async function withDying(dead: Partial<QueueCall> = {}): Promise<Harness> {
  const h = new Harness();
  await h.create('dead', dead);
  await h.create('q', { deadQueue: 'dead', maxAttempts: 1 });
  await h.produce('q', ['a']);
  await h.lease('q');
  return h;
}

describe('dead letters', () => {
  test('an item goes to the dead-letter queue after its last permitted lease, and wakes a consumer there', async () => {
    const h = new Harness();
    await h.create('dead');
    await h.create('q', { deadQueue: 'dead', maxAttempts: 2 });
    await h.produce('q', ['a']);
    await h.lease('q');
    await h.clock.advance('61s');
    const last = (await h.lease('q')).items[0]?.id;
    const mourner = watch(h.lease('dead', 1, { requestTimeout: '10m' }));
    await h.clock.advance('61s');
    expect(mourner.value?.items.map((each) => [payloadOf(each), each.attempts])).toEqual([['a', 1]]);
    const [letter] = await h.service.storage.listItems({
      queueName: 'dead',
      partition: 0,
      pivot: '',
      limit: 0,
    });
    expect(letter?.sourceId).toBe(last);
    expect(await h.payloads('q')).toEqual([]);
  });

  test('a crash in the middle of the move leaves one copy', async () => {
    const h = await withDying();
    h.storage.fail('remove', 0, 'not-applied');
    await h.clock.advance('61s');
    expect(await h.payloads('dead')).toEqual(['a']);
    expect(await h.payloads('q')).toEqual(['a']);
    h.storage.heal(0);
    await h.clock.advance('2m');
    expect(await h.payloads('dead')).toEqual(['a']);
    expect(await h.payloads('q')).toEqual([]);
  });

  test('an item that was moved is only removed, even if a consumer completes the letter first', async () => {
    const h = await withDying();
    h.storage.fail('remove', 0, 'not-applied');
    await h.clock.advance('61s');
    const { partition, items } = await h.lease('dead');
    const ids = items.map(({ id }) => id);
    await h.service.queue.complete({ queueName: 'dead', partition, requestTimeout: '1m', ids });
    h.storage.heal(0);
    await h.clock.advance('2m');
    expect([await h.payloads('q'), await h.payloads('dead')]).toEqual([[], []]);
  });

  test('a failed move is repeated soon, long before the claim ends', async () => {
    const h = await withDying();
    h.storage.fail('prepareLetters', 0, 'not-applied');
    await h.clock.advance('60.1s');
    h.storage.heal(0);
    await h.clock.advance('1s');
    expect([await h.payloads('q'), await h.payloads('dead')]).toEqual([[], ['a']]);
  });

  test('a letter becomes available when its item is marked, not before', async () => {
    const h = await withDying();
    h.storage.fail('markMoved', 0, 'not-applied');
    const mourner = watch(h.lease('dead', 1, { requestTimeout: '10m' }));
    await h.clock.advance('3m');
    expect([await h.payloads('q'), await h.prepared('dead'), mourner.state]).toEqual([
      ['a'],
      ['a'],
      'pending',
    ]);
    expect(await h.payloads('dead')).toEqual([]);
    h.storage.heal(0);
    await h.clock.advance(LONGEST_PAUSE);
    expect(mourner.value?.items.map(payloadOf)).toEqual(['a']);
    expect(await h.payloads('q')).toEqual([]);
  });

  test('a mark without an answer does not delay the letter', async () => {
    const h = await withDying();
    h.storage.fail('markMoved', 0, 'unknown-applied');
    const mourner = watch(h.lease('dead', 1, { requestTimeout: '10m' }));
    await h.clock.advance('60.1s');
    h.storage.heal(0);
    await h.clock.advance(LONGEST_PAUSE);
    expect(mourner.value?.items.map(payloadOf)).toEqual(['a']);
    expect(await h.payloads('q')).toEqual([]);
  });

  test('an item stays until its letter is committed', async () => {
    const h = await withDying();
    h.storage.fail('commitLetters', 0, 'not-applied');
    const mourner = watch(h.lease('dead', 1, { requestTimeout: '10m' }));
    await h.clock.advance('3m');
    expect([await h.payloads('q'), mourner.state]).toEqual([['a'], 'pending']);
    h.storage.heal(0);
    await h.clock.advance(LONGEST_PAUSE);
    expect(mourner.value?.items.map(payloadOf)).toEqual(['a']);
    expect(await h.payloads('q')).toEqual([]);
  });

  test('a letter that no process commits becomes available at half of its expire timeout, once', async () => {
    const h = await withDying({ expireTimeout: '10m' });
    h.storage.fail('commitLetters', 0, 'not-applied');
    const mourner = watch(h.lease('dead', 1, { requestTimeout: '10m' }));
    await h.clock.advance('5m59s');
    expect(mourner.state).toBe('pending');
    await h.clock.advance('3s');
    const { partition = 0, items = [] } = mourner.value ?? {};
    expect(items.map(payloadOf)).toEqual(['a']);
    const ids = items.map(({ id }) => id);
    await h.service.queue.complete({ queueName: 'dead', partition, requestTimeout: '1m', ids });
    h.storage.heal(0);
    // Until the end of the claim, which lasts as long as moves have failed.
    await h.clock.advance('5m');
    expect([await h.payloads('q'), await h.payloads('dead')]).toEqual([[], []]);
  });

  test('a letter that storage stores long after a call without an answer is aborted', async () => {
    const h = await withDying();
    h.storage.fail('prepareLetters', 0, 'unknown-lost');
    await h.clock.advance('60.1s');
    h.storage.heal(0);
    await h.clock.advance('2s');
    const { partition, items } = await h.lease('dead');
    const ids = items.map(({ id }) => id);
    await h.service.queue.complete({ queueName: 'dead', partition, requestTimeout: '1m', ids });
    expect([await h.payloads('q'), await h.payloads('dead')]).toEqual([[], []]);
    await h.clock.advance('8s');
    const { args } = h.storage.calls.find(({ operation }) => operation === 'prepareLetters') as {
      args: readonly unknown[];
    };
    const box = h.storage.partitionStore({ queue: 'dead', partition: 0 });
    await box.prepareLetters(...(args as Parameters<PartitionStore['prepareLetters']>));
    expect(await h.prepared('dead')).toEqual(['a']);
    await h.clock.advance('8s');
    expect(await h.prepared('dead')).toEqual([]);
  });

  test('items whose move failed are deleted once the queue has no dead-letter queue any more', async () => {
    const h = await withDying();
    h.storage.fail('prepareLetters', 0, 'not-applied');
    await h.clock.advance('60.1s');
    await h.service.queues.update(queueCall('q', { maxAttempts: 1 }));
    await h.settle();
    expect(await h.payloads('q')).toEqual([]);
    expect(h.logged).toContain('deleted items that used up their attempts or time');
  });

  test('if the dead-letter queue is deleted, dead items stay, are not leased, and move once it exists again', async () => {
    const h = await withDying();
    await h.service.queues.delete('dead', true);
    await h.clock.advance('61s');
    expect(await h.payloads('q')).toEqual(['a']);
    const hungry = watch(h.lease('q', 1, { requestTimeout: '1s' }));
    await h.clock.advance('1s');
    expect(hungry.error?.message).toContain('no items are in the queue');
    await h.create('dead');
    await h.clock.advance('2m');
    expect(await h.payloads('dead')).toEqual(['a']);
    expect(await h.payloads('q')).toEqual([]);
  });

  test('an expired item is deleted if there is no dead-letter queue, and the log says so', async () => {
    const h = new Harness();
    await h.create('q', { expireTimeout: '2m' });
    await h.service.queue.produce({ queueName: 'q', requestTimeout: '1s', items: [item('old')] });
    await h.clock.advance('2m1s');
    expect(await h.payloads('q')).toEqual([]);
    expect(h.logged).toContain('deleted items that used up their attempts or time');
  });
});
