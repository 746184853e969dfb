import { type QueueStore, StorageError } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { CallerGone, createService } from '../src/index.ts';
import { Harness, item, payloadOf, watch } from './support/harness.ts';

/** A process that has just started on a storage with queues of others: it has none of them at work. */
class Newcomer {
  readonly h = new Harness();
  /** The queues whose settings were read so far. */
  readonly read: string[] = [];
  /** Of these the settings cannot be read, whatever storage does otherwise. */
  readonly unreadable = new Set<string>();
  readonly logged: { message: string; fields: unknown }[] = [];
  readonly service;

  constructor({ waitForStorage = true } = {}) {
    const log = (message: string, fields: unknown) => this.logged.push({ message, fields });
    const store = this.h.storage.queueStore();
    this.service = createService({
      clock: this.h.clock,
      random: new SeededRandom(2),
      logger: { debug: () => {}, info: log, warn: log, error: log },
      queueStore: Object.assign(Object.create(store) as QueueStore, store, { get: this.#get }),
      storages: [{ backend: this.h.storage, affinity: 1 }],
      waitForStorage,
    });
  }

  readonly #get: QueueStore['get'] = async (name) => {
    this.read.push(name);
    if (this.unreadable.has(name)) throw new StorageError('unreadable', { outcome: 'not-applied' });
    return this.h.storage.queueStore().get(name);
  };

  produce(queueName: string, requestTimeout = '1m', items = [item('a')]) {
    return this.service.queue.produce({ queueName, requestTimeout, items });
  }

  lease(queueName: string, clientId: string, requestTimeout = '1m') {
    return this.service.queue.lease({ queueName, clientId, requestTimeout, batchSize: 1 });
  }

  complete(queueName: string, requestTimeout = '1m', ids = ['an id']) {
    return this.service.queue.complete({ queueName, partition: 0, requestTimeout, ids });
  }

  retry(queueName: string) {
    return this.service.queue.retry({ queueName, partition: 0, items: [{ id: 'an id', dead: false }] });
  }
}

const TIMED_OUT = {
  produce: 'request timeout; items were not produced, try again',
  lease: 'request timeout; no items are in the queue, try again',
  settle: 'internal error, try your request again',
};

describe('while the settings of queues cannot be read', () => {
  test('produce and lease wait, and notice nothing of an outage that is shorter than their time', async () => {
    const n = new Newcomer();
    await n.h.create('q');
    n.h.storage.cutQueues();
    const [produced, leased] = [watch(n.produce('q')), watch(n.lease('q', 'c'))];
    await n.h.clock.advance('8s');
    expect([produced.state, leased.state]).toEqual(['pending', 'pending']);
    n.h.storage.healQueues();
    await n.h.clock.advance('5s');
    expect([produced.error, leased.error]).toEqual([undefined, undefined]);
    expect([produced.state, leased.state]).toEqual(['fulfilled', 'fulfilled']);
    expect(n.logged).toMatchObject([
      { message: 'queues cannot be taken up; their requests wait', fields: { queue: 'q', failures: 1 } },
      { message: 'queues cannot be taken up; their requests wait', fields: { queue: 'q', failures: 2 } },
      { message: 'queues cannot be taken up; their requests wait', fields: { queue: 'q', failures: 4 } },
      { message: 'queues are taken up again', fields: { queue: 'q' } },
    ]);
  });

  test('they are answered when their time is up, with the cause for the log', async () => {
    const n = new Newcomer();
    await n.h.create('q');
    n.h.storage.cutQueues();
    const [produced, leased] = [watch(n.produce('q', '2s')), watch(n.lease('q', 'c', '3s'))];
    await n.h.clock.advance('1999ms');
    expect(produced.state).toBe('pending');
    await n.h.clock.advance('1ms');
    const cause = { name: 'StorageError', message: 'injected' };
    expect(produced.error).toMatchObject({ code: 'retry', message: TIMED_OUT.produce, cause });
    expect(leased.state).toBe('pending');
    await n.h.clock.advance('1s');
    expect(leased.error).toMatchObject({ code: 'retry', message: TIMED_OUT.lease, cause });
    expect(n.h.clock.pendingTimers).toBe(0);
  });

  test('complete and retry are told at once', async () => {
    const n = new Newcomer();
    await n.h.create('q');
    n.h.storage.cutQueues();
    const waiting = watch(n.lease('q', 'c'));
    for (const call of [n.complete('q'), n.retry('q')]) {
      await expect(call).rejects.toMatchObject({ name: 'StorageError', message: 'injected' });
    }
    expect(waiting.state).toBe('pending');
  });

  test('without `waitForStorage` produce and lease are told at once as well', async () => {
    const n = new Newcomer({ waitForStorage: false });
    await n.h.create('q');
    n.h.storage.cutQueues();
    for (const call of [n.produce('q'), n.lease('q', 'c')]) {
      await expect(call).rejects.toMatchObject({ name: 'StorageError', message: 'injected' });
    }
    expect(n.h.clock.pendingTimers).toBe(0);
  });

  test('a request that is wrong is told so, and not that storage fails', async () => {
    const n = new Newcomer();
    n.h.storage.cutQueues();
    await expect(n.produce('q', '1 hour')).rejects.toMatchObject({ code: 'invalid' });
    await expect(n.produce('q', '1m', [])).rejects.toThrow('items cannot be empty');
    await expect(n.lease('q', '')).rejects.toThrow('invalid client id; cannot be empty');
    await expect(n.complete('q', '1m', [])).rejects.toThrow('ids is invalid; list of ids cannot be empty');
    n.h.storage.healQueues();
    await expect(n.produce('q', '1 hour')).rejects.toThrow("queue does not exist; no such queue named 'q'");
  });

  test('however many wait for however many queues, one of these is read per pause', async () => {
    const n = new Newcomer();
    const names = Array.from({ length: 20 }, (_, i) => `q${i}`);
    for (const name of names) await n.h.create(name);
    n.h.storage.cutQueues();
    const waiting = names.flatMap((name) => [1, 2, 3].map((i) => watch(n.lease(name, `${name}-${i}`))));
    await n.h.settle();
    expect(n.read.length).toBe(20);
    await n.h.clock.advance('30s');
    expect(n.read.length).toBeLessThan(20 + 10);
    expect(new Set(n.read.slice(20)).size).toBe(n.read.length - 20);
    n.h.storage.healQueues();
    for (const name of names) await n.h.produce(name, ['a', 'b', 'c']);
    await n.h.clock.advance('5s');
    expect(waiting.filter(({ state }) => state !== 'fulfilled')).toEqual([]);
  });

  test('the others stay where they are when the requests for the one that is tried leave meanwhile', async () => {
    const n = new Newcomer();
    const names = Array.from({ length: 20 }, (_, i) => `q${i}`);
    for (const name of names) await n.h.create(name);
    n.h.storage.cutQueues();
    const [short, ...long] = names.map((name, i) => watch(n.lease(name, name, i === 0 ? '2s' : '1m')));
    await n.h.settle();
    expect(n.read.length).toBe(20);
    const letGo = n.h.storage.holdQueues('get', 'before');
    await n.h.clock.advance('3s');
    expect([short?.state, n.read.at(-1)]).toEqual(['rejected', 'q0']);
    letGo();
    await n.h.settle();
    expect(n.read.length).toBe(21);
    n.h.storage.healQueues();
    for (const name of names.slice(1)) await n.h.produce(name, ['a']);
    await n.h.clock.advance('5s');
    expect(long.filter(({ state }) => state !== 'fulfilled')).toEqual([]);
  });

  test('one queue that alone cannot be read holds back no other', async () => {
    const n = new Newcomer();
    for (const name of ['odd', 'even']) await n.h.create(name);
    n.unreadable.add('odd');
    n.h.storage.cutQueues();
    const [odd, even] = [watch(n.produce('odd', '5m')), watch(n.produce('even', '5m'))];
    await n.h.settle();
    n.h.storage.healQueues();
    await n.h.clock.advance('10s');
    expect([odd.state, even.state]).toEqual(['pending', 'fulfilled']);
    n.unreadable.clear();
    await n.h.clock.advance('10s');
    expect(odd.state).toBe('fulfilled');
  });

  test('they go on as soon as the queue is there for anybody, before those who come later', async () => {
    const n = new Newcomer();
    await n.h.create('q');
    await n.h.create('other');
    n.h.storage.cutQueues();
    const first = n.lease('q', 'first');
    const other = watch(n.lease('other', 'c'));
    // Another attempt is due after a pause.
    await n.h.clock.advance('30s');
    n.h.storage.healQueues();
    await n.h.produce('q', ['a', 'b']);
    await n.service.queue.stats('q');
    const handed = await Promise.all([first, n.lease('q', 'second')]);
    expect(handed.map(({ items }) => items.map(payloadOf))).toEqual([['a'], ['b']]);
    expect(other.state).toBe('pending');
    await n.h.produce('other', ['a']);
    await n.h.clock.advance('10s');
    expect(other.state).toBe('fulfilled');
  });

  test('a caller that leaves frees its place, and the last one ends the attempts', async () => {
    const n = new Newcomer();
    await n.h.create('q');
    n.h.storage.cutQueues();
    const gone = new AbortController();
    const items = [item('a')];
    const call = { queueName: 'q', requestTimeout: '1m', items };
    const produced = watch(n.service.queue.produce(call, { signal: gone.signal }));
    await n.h.clock.advance('2s');
    gone.abort();
    await n.h.settle();
    expect(produced.error).toBeInstanceOf(CallerGone);
    expect(n.h.clock.pendingTimers).toBe(0);
    n.h.storage.healQueues();
    await n.h.clock.advance('1m');
    expect(await n.h.payloads('q')).toEqual([]);
  });

  test('what waits may hold so much memory and no more', async () => {
    const n = new Newcomer();
    await n.h.create('q');
    n.h.storage.cutQueues();
    const large = [item('x'.repeat(5_000_000))];
    const calls = Array.from({ length: 20 }, () => watch(n.produce('q', '1m', large)));
    await n.h.settle();
    const refused = calls.filter(({ state }) => state === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(calls.length - refused.length).toBeGreaterThan(10);
    for (const { error } of refused) {
      expect(error).toMatchObject({ code: 'retry', message: 'queue is overloaded; try again later' });
    }
    await n.h.clock.advance('1m');
    expect(watch(n.produce('q', '1m', large)).state).toBe('pending');
  });

  test.each([
    ['names', (n: Newcomer, text: string) => n.lease(text, 'c')],
    ['client ids', (n: Newcomer, text: string) => n.lease('q', text)],
    ['texts of items', (n: Newcomer, reference: string) => n.produce('q', '1m', [item('', { reference })])],
  ])('long %s count as well', async (_, call) => {
    const n = new Newcomer();
    n.h.storage.holdQueues('get', 'before');
    const calls = Array.from({ length: 20 }, (_, i) =>
      watch<unknown>(call(n, `${i}`.padEnd(5_000_000, 'x'))),
    );
    await n.h.settle();
    const refused = calls.filter(({ state }) => state === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { error } of refused) {
      expect(error).toMatchObject({ code: 'retry', message: 'queue is overloaded; try again later' });
    }
  });

  test('the end of the service ends the wait', async () => {
    const n = new Newcomer();
    await n.h.create('q');
    n.h.storage.cutQueues();
    const [produced, leased] = [watch(n.produce('q')), watch(n.lease('q', 'c'))];
    await n.h.clock.advance('2s');
    await n.service.shutdown();
    for (const { error } of [produced, leased]) {
      expect(error).toMatchObject({ code: 'failed', message: 'service is shutting down' });
    }
    expect(n.h.clock.pendingTimers).toBe(0);
  });
});

describe('while the settings of queues are slow to come', () => {
  test('every request is answered when its time is up', async () => {
    const n = new Newcomer();
    await n.h.create('q');
    const letGo = n.h.storage.holdQueues('get', 'before');
    const calls = [n.produce('q', '1s'), n.lease('q', 'c', '1s'), n.complete('q', '1s')].map(watch<unknown>);
    const patient = watch(n.retry('q'));
    await n.h.clock.advance('999ms');
    expect(calls.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
    await n.h.clock.advance('1ms');
    expect(calls.map(({ error }) => error?.message)).toEqual(Object.values(TIMED_OUT));
    expect(patient.state).toBe('pending');
    expect(n.read).toEqual(['q']);
    letGo();
    await n.h.settle();
    expect(patient.error).toMatchObject({ code: 'invalid' });
    expect(await n.h.payloads('q')).toEqual([]);
  });

  test.each(['1ms', '-5s'])(
    'a complete with a request timeout of %s waits for them all the same',
    async (timeout) => {
      const n = new Newcomer();
      await n.h.create('q');
      await n.h.produce('q', ['a']);
      const { items } = await n.h.lease('q');
      const letGo = n.h.storage.holdQueues('get', 'before');
      const completed = watch(
        n.complete(
          'q',
          timeout,
          items.map(({ id }) => id),
        ),
      );
      await n.h.clock.advance('900ms');
      expect(completed.state).toBe('pending');
      letGo();
      await n.h.clock.advance('1s');
      expect(completed.error).toBeUndefined();
      expect(await n.h.payloads('q')).toEqual([]);
    },
  );

  test('the wait for them is a part of the time of the request', async () => {
    const n = new Newcomer();
    await n.h.create('q');
    const letGo = n.h.storage.holdQueues('get', 'before');
    n.h.storage.cut(0);
    const produced = watch(n.produce('q', '1s'));
    await n.h.clock.advance('700ms');
    letGo();
    await n.h.clock.advance('299ms');
    expect(produced.state).toBe('pending');
    await n.h.clock.advance('1ms');
    expect(produced.error?.message).toBe(TIMED_OUT.produce);
  });
});
