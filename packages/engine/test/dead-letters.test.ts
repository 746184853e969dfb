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
  test('after its last permitted lease an item goes to the dead-letter queue, and wakes who waits there', async () => {
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

  test('a crash between the two halves of the move leaves one copy', async () => {
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

  test('what was moved is only removed, also when a consumer is done with the copy first', async () => {
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

  test('a move that fails is tried again soon, long before its claim runs out', async () => {
    const h = await withDying();
    h.storage.fail('prepareLetters', 0, 'not-applied');
    await h.clock.advance('60.1s');
    h.storage.heal(0);
    await h.clock.advance('1s');
    expect([await h.payloads('q'), await h.payloads('dead')]).toEqual([[], ['a']]);
  });

  test('a letter is offered to nobody until its item is marked, and then at once', async () => {
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

  test('a mark that gave no answer does not hold the letter up', async () => {
    const h = await withDying();
    h.storage.fail('markMoved', 0, 'unknown-applied');
    const mourner = watch(h.lease('dead', 1, { requestTimeout: '10m' }));
    await h.clock.advance('60.1s');
    h.storage.heal(0);
    await h.clock.advance(LONGEST_PAUSE);
    expect(mourner.value?.items.map(payloadOf)).toEqual(['a']);
    expect(await h.payloads('q')).toEqual([]);
  });

  test('an item stays until its letter is delivered', async () => {
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

  test('a letter that nobody delivers is available while half of its time is left, and not once more', async () => {
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

  test('a letter that is stored long after storage gave no answer is withdrawn', async () => {
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

  test('items that a move has failed for are deleted at once when the queue has no dead-letter queue any more', async () => {
    const h = await withDying();
    h.storage.fail('prepareLetters', 0, 'not-applied');
    await h.clock.advance('60.1s');
    await h.service.queues.update(queueCall('q', { maxAttempts: 1 }));
    await h.settle();
    expect(await h.payloads('q')).toEqual([]);
    expect(h.logged).toContain('deleted items that used up their attempts or time');
  });

  test('with the dead-letter queue gone, dead items stay, are offered to nobody, and move when it is back', async () => {
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

  test('an item too long in the queue is deleted where there is no dead-letter queue, and that is logged', async () => {
    const h = new Harness();
    await h.create('q', { expireTimeout: '2m' });
    await h.service.queue.produce({ queueName: 'q', requestTimeout: '1s', items: [item('old')] });
    await h.clock.advance('2m1s');
    expect(await h.payloads('q')).toEqual([]);
    expect(h.logged).toContain('deleted items that used up their attempts or time');
  });
});
