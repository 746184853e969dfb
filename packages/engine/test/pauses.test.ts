import { addDuration, type Instant, milliseconds, QueueError } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { createService } from '../src/index.ts';
import { Harness, payloadOf, watch } from './support/harness.ts';

const ALL = { queueName: 'q', produce: true, lease: true };
const PRODUCE = { queueName: 'q', produce: true, lease: false };
const LEASE = { queueName: 'q', produce: false, lease: true };
const RESUMED = undefined as Instant | undefined;

const pause = (h: Harness, what: typeof ALL, until = RESUMED) => h.service.pauses.pause({ ...what, until });
const resume = (h: Harness, what: typeof ALL) => h.service.pauses.resume(what);

async function withQueue(): Promise<Harness> {
  const h = new Harness();
  await h.create('q');
  return h;
}

describe('a pause of produce', () => {
  test('refuses items, with the time left if it is known', async () => {
    const h = await withQueue();
    await h.produce('q', ['before']);
    await pause(h, PRODUCE);
    const refused = { code: 'retry', reason: 'queue_paused', message: 'queue is paused; try again later' };
    await expect(h.produce('q', ['a'])).rejects.toMatchObject({ ...refused, retryAfterMs: undefined });
    await pause(h, PRODUCE, addDuration(h.clock.now(), milliseconds(60_000)));
    await h.clock.advance('20s');
    await expect(h.produce('q', ['a'])).rejects.toMatchObject({ ...refused, retryAfterMs: 40_000 });
    await h.clock.advance('40s');
    await h.produce('q', ['after']);
    expect(await h.payloads('q')).toEqual(['before', 'after']);
  });

  test('refuses items with ids and items with dedup keys', async () => {
    const h = await withQueue();
    await pause(h, PRODUCE);
    const call = { queueName: 'q', requestTimeout: '1m', items: [] };
    const items = [{ encoding: '', kind: '', reference: '', payload: new Uint8Array(1) }];
    const paused = { reason: 'queue_paused' };
    await expect(h.service.queue.produceWithIds({ ...call, items })).rejects.toMatchObject(paused);
    const keyed = h.service.keyedProduces.produce({
      ...{ ...call, items },
      ...{ dedupKey: 'k', itemKeys: [], dedupWindow: '' },
    });
    await expect(keyed).rejects.toMatchObject(paused);
  });

  test('lets consumers, dead letters and retries go on', async () => {
    const h = new Harness();
    await h.create('dead');
    await h.create('q', { deadQueue: 'dead', maxAttempts: 2 });
    await h.produce('q', ['a', 'b']);
    await pause(h, { queueName: 'dead', produce: true, lease: false });
    await pause(h, PRODUCE);
    const { items } = await h.lease('q', 2);
    const [a, b] = items.map(({ id }) => id) as [string, string];
    await h.service.queue.retry({ queueName: 'q', partition: 0, items: [{ id: a, dead: false }] });
    await h.service.queue.retry({ queueName: 'q', partition: 0, items: [{ id: b, dead: true }] });
    await h.clock.advance('5s');
    expect(await h.payloads('q')).toEqual(['a']);
    expect(await h.payloads('dead')).toEqual(['b']);
  });
});

describe('a pause of lease', () => {
  test('lets consumers wait until the queue is resumed', async () => {
    const h = await withQueue();
    await pause(h, LEASE);
    await h.produce('q', ['a']);
    const waiting = watch(h.lease('q', 1, { requestTimeout: '5m' }));
    await h.clock.advance('1m');
    expect(waiting.state).toBe('pending');
    await h.produce('q', ['b']);
    await h.settle();
    expect(waiting.state).toBe('pending');
    await resume(h, LEASE);
    await h.settle();
    expect(waiting.value?.items.map(payloadOf)).toEqual(['a']);
  });

  test('lets consumers wait until its end', async () => {
    const h = await withQueue();
    await h.produce('q', ['a']);
    await pause(h, LEASE, addDuration(h.clock.now(), milliseconds(60_000)));
    const waiting = watch(h.lease('q', 1, { requestTimeout: '5m' }));
    await h.clock.advance('59s');
    expect(waiting.state).toBe('pending');
    await h.clock.advance('1s');
    expect(waiting.value?.items.map(payloadOf)).toEqual(['a']);
  });

  test('answers a consumer at its timeout as if the queue were empty', async () => {
    const h = await withQueue();
    await h.produce('q', ['a']);
    await pause(h, LEASE);
    const waiting = watch(h.lease('q', 1, { requestTimeout: '1s' }));
    await h.clock.advance('1s');
    expect(waiting.error).toMatchObject({
      code: 'retry',
      message: 'request timeout; no items are in the queue, try again',
    });
  });

  test('lets running leases be completed, extended and retried, and run out', async () => {
    const h = await withQueue();
    await h.produce('q', ['a', 'b', 'c', 'd']);
    const { items } = await h.lease('q', 4);
    const [a, b, c] = items.map(({ id }) => id) as [string, string, string];
    await pause(h, LEASE);
    const request = { queueName: 'q', partition: 0, requestTimeout: '5s' };
    await h.service.queue.complete({ ...request, ids: [a] });
    await h.service.queue.retry({ ...request, items: [{ id: b, dead: false }] });
    const extended = await h.service.leasedItems.extend({ ...request, leaseTimeout: '1h', ids: [c] });
    expect(extended).toMatchObject([{ ok: true }]);
    await h.clock.advance('2m');
    await resume(h, LEASE);
    const again = await h.lease('q', 4);
    expect(again.items.map(payloadOf)).toEqual(['b', 'd']);
  });

  test('keeps a consumer whose caller left from receiving items later', async () => {
    const h = await withQueue();
    await pause(h, LEASE);
    const leaving = new AbortController();
    const gone = watch(
      h.service.queue.lease(
        { queueName: 'q', batchSize: 1, clientId: 'gone', requestTimeout: '5m' },
        { signal: leaving.signal },
      ),
    );
    await h.produce('q', ['a']);
    leaving.abort();
    await h.settle();
    expect(gone.state).toBe('rejected');
    await resume(h, LEASE);
    expect((await h.lease('q')).items.map(payloadOf)).toEqual(['a']);
  });
});

describe('pauses', () => {
  test('are replaced and ended one by one, or together', async () => {
    const h = await withQueue();
    const until = addDuration(h.clock.now(), milliseconds(1_000));
    expect(await pause(h, PRODUCE)).toEqual({ produce: { until: undefined, left: undefined } });
    expect(await pause(h, LEASE, until)).toMatchObject({ produce: {}, lease: { until } });
    expect(Object.keys(await resume(h, PRODUCE))).toEqual(['lease']);
    await pause(h, ALL);
    expect(await resume(h, { queueName: 'q', produce: false, lease: false })).toEqual({});
  });

  test('stay through an update of the settings', async () => {
    const h = await withQueue();
    await pause(h, PRODUCE);
    const { namespace, reference, deadQueue, maxAttempts } = await h.service.queues.info('q');
    const same = { namespace, reference, deadQueue, maxAttempts, requestedPartitions: 0 };
    await h.service.queues.update({ queueName: 'q', leaseTimeout: '2m', expireTimeout: '', ...same });
    await expect(h.produce('q', ['a'])).rejects.toMatchObject({ reason: 'queue_paused' });
  });

  test('of a deleted queue are not those of a later one with its name', async () => {
    const h = await withQueue();
    await pause(h, ALL);
    await h.service.queues.delete('q', false);
    await h.create('q');
    await h.produce('q', ['a']);
    expect((await h.lease('q')).items).toHaveLength(1);
  });

  test('refuse a request that names nothing, a queue that does not exist, and a time that has passed', async () => {
    const h = await withQueue();
    await expect(pause(h, { ...ALL, produce: false, lease: false })).rejects.toMatchObject({
      code: 'invalid',
      message: "invalid pause request; one of 'produce', 'lease' must be true",
    });
    await expect(pause(h, { ...ALL, queueName: 'none' })).rejects.toMatchObject({ reason: 'no_such_queue' });
    await expect(resume(h, { ...ALL, queueName: 'none' })).rejects.toMatchObject({ reason: 'no_such_queue' });
    await expect(pause(h, ALL, h.clock.now())).rejects.toMatchObject({ code: 'invalid' });
    await h.produce('q', ['a']);
  });

  test('are refused while another process does not know them', async () => {
    const h = await withQueue();
    const service = createService({
      ...{ clock: h.clock, random: new SeededRandom(), queueStore: h.storage.queueStore() },
      storages: [{ backend: h.storage, affinity: 1 }],
      requireCapability: (capability) =>
        Promise.reject(new QueueError('retry', `'${capability}' is unavailable`, { reason: 'unavailable' })),
    });
    await expect(service.pauses.pause({ ...ALL, until: undefined })).rejects.toMatchObject({
      reason: 'unavailable',
      message: "'queues.pause' is unavailable",
    });
    expect(await service.pauses.resume(ALL)).toEqual({});
    expect((await h.service.queues.info('q')).pauses).toBeUndefined();
    await service.shutdown();
  });
});
