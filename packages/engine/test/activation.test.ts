import { type QueueStore, StorageError } from '@querator/core';
import { SeededRandom } from '@querator/core/testing';
import { describe, expect, test } from 'vitest';
import { CallerGone, createService } from '../src/index.ts';
import { Harness, item, payloadOf, watch } from './support/harness.ts';

/**
 * A process that has just started, on a storage with queues of other processes.
 * None of them is active in it.
 */
class FreshProcess {
  readonly h = new Harness();
  /** The queues whose settings were read so far. */
  readonly read: string[] = [];
  /** Queues whose settings cannot be read, whatever storage does otherwise. */
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
  test('produce and lease wait, and an outage shorter than their request timeout causes no error', async () => {
    const p = new FreshProcess();
    await p.h.create('q');
    p.h.storage.cutQueues();
    const [produced, leased] = [watch(p.produce('q')), watch(p.lease('q', 'c'))];
    await p.h.clock.advance('8s');
    expect([produced.state, leased.state]).toEqual(['pending', 'pending']);
    p.h.storage.healQueues();
    await p.h.clock.advance('5s');
    expect([produced.error, leased.error]).toEqual([undefined, undefined]);
    expect([produced.state, leased.state]).toEqual(['fulfilled', 'fulfilled']);
    expect(p.logged).toMatchObject([
      { message: 'queues cannot be activated; their requests wait', fields: { queue: 'q', failures: 1 } },
      { message: 'queues cannot be activated; their requests wait', fields: { queue: 'q', failures: 2 } },
      { message: 'queues cannot be activated; their requests wait', fields: { queue: 'q', failures: 4 } },
      { message: 'queues are activated again', fields: { queue: 'q' } },
    ]);
  });

  test('they fail at their request timeout, and the log has the cause', async () => {
    const p = new FreshProcess();
    await p.h.create('q');
    p.h.storage.cutQueues();
    const [produced, leased] = [watch(p.produce('q', '2s')), watch(p.lease('q', 'c', '3s'))];
    await p.h.clock.advance('1999ms');
    expect(produced.state).toBe('pending');
    await p.h.clock.advance('1ms');
    const cause = { name: 'StorageError', message: 'injected' };
    expect(produced.error).toMatchObject({ code: 'retry', message: TIMED_OUT.produce, cause });
    expect(leased.state).toBe('pending');
    await p.h.clock.advance('1s');
    expect(leased.error).toMatchObject({ code: 'retry', message: TIMED_OUT.lease, cause });
    expect(p.h.clock.pendingTimers).toBe(0);
  });

  test('complete and retry fail at once', async () => {
    const p = new FreshProcess();
    await p.h.create('q');
    p.h.storage.cutQueues();
    const waiting = watch(p.lease('q', 'c'));
    for (const call of [p.complete('q'), p.retry('q')]) {
      await expect(call).rejects.toMatchObject({ name: 'StorageError', message: 'injected' });
    }
    expect(waiting.state).toBe('pending');
  });

  test('without `waitForStorage` produce and lease fail at once too', async () => {
    const p = new FreshProcess({ waitForStorage: false });
    await p.h.create('q');
    p.h.storage.cutQueues();
    for (const call of [p.produce('q'), p.lease('q', 'c')]) {
      await expect(call).rejects.toMatchObject({ name: 'StorageError', message: 'injected' });
    }
    expect(p.h.clock.pendingTimers).toBe(0);
  });

  test('an invalid request is refused as invalid, not as a failure of storage', async () => {
    const p = new FreshProcess();
    p.h.storage.cutQueues();
    await expect(p.produce('q', '1 hour')).rejects.toMatchObject({ code: 'invalid' });
    await expect(p.produce('q', '1m', [])).rejects.toThrow('items cannot be empty');
    await expect(p.lease('q', '')).rejects.toThrow('invalid client id; cannot be empty');
    await expect(p.complete('q', '1m', [])).rejects.toThrow('ids is invalid; list of ids cannot be empty');
    p.h.storage.healQueues();
    await expect(p.produce('q', '1 hour')).rejects.toThrow("queue does not exist; no such queue named 'q'");
  });

  test('one queue is read per pause, whatever number of requests wait for whatever number of queues', async () => {
    const p = new FreshProcess();
    const names = Array.from({ length: 20 }, (_, i) => `q${i}`);
    for (const name of names) await p.h.create(name);
    p.h.storage.cutQueues();
    const waiting = names.flatMap((name) => [1, 2, 3].map((i) => watch(p.lease(name, `${name}-${i}`))));
    await p.h.settle();
    expect(p.read.length).toBe(20);
    await p.h.clock.advance('30s');
    expect(p.read.length).toBeLessThan(20 + 10);
    expect(new Set(p.read.slice(20)).size).toBe(p.read.length - 20);
    p.h.storage.healQueues();
    for (const name of names) await p.h.produce(name, ['a', 'b', 'c']);
    await p.h.clock.advance('5s');
    expect(waiting.filter(({ state }) => state !== 'fulfilled')).toEqual([]);
  });

  test('the others keep their place when the requests for the queue that is being read leave', async () => {
    const p = new FreshProcess();
    const names = Array.from({ length: 20 }, (_, i) => `q${i}`);
    for (const name of names) await p.h.create(name);
    p.h.storage.cutQueues();
    const [short, ...long] = names.map((name, i) => watch(p.lease(name, name, i === 0 ? '2s' : '1m')));
    await p.h.settle();
    expect(p.read.length).toBe(20);
    const release = p.h.storage.holdQueues('get', 'before');
    await p.h.clock.advance('3s');
    expect([short?.state, p.read.at(-1)]).toEqual(['rejected', 'q0']);
    release();
    await p.h.settle();
    expect(p.read.length).toBe(21);
    p.h.storage.healQueues();
    for (const name of names.slice(1)) await p.h.produce(name, ['a']);
    await p.h.clock.advance('5s');
    expect(long.filter(({ state }) => state !== 'fulfilled')).toEqual([]);
  });

  test('a single queue that cannot be read delays no other queue', async () => {
    const p = new FreshProcess();
    for (const name of ['odd', 'even']) await p.h.create(name);
    p.unreadable.add('odd');
    p.h.storage.cutQueues();
    const [odd, even] = [watch(p.produce('odd', '5m')), watch(p.produce('even', '5m'))];
    await p.h.settle();
    p.h.storage.healQueues();
    await p.h.clock.advance('10s');
    expect([odd.state, even.state]).toEqual(['pending', 'fulfilled']);
    p.unreadable.clear();
    await p.h.clock.advance('10s');
    expect(odd.state).toBe('fulfilled');
  });

  test('waiting requests run as soon as the queue can be read, before later ones', async () => {
    const p = new FreshProcess();
    await p.h.create('q');
    await p.h.create('other');
    p.h.storage.cutQueues();
    const first = p.lease('q', 'first');
    const other = watch(p.lease('other', 'c'));
    // The next attempt follows after a delay.
    await p.h.clock.advance('30s');
    p.h.storage.healQueues();
    await p.h.produce('q', ['a', 'b']);
    await p.service.queue.stats('q');
    const handed = await Promise.all([first, p.lease('q', 'second')]);
    expect(handed.map(({ items }) => items.map(payloadOf))).toEqual([['a'], ['b']]);
    expect(other.state).toBe('pending');
    await p.h.produce('other', ['a']);
    await p.h.clock.advance('10s');
    expect(other.state).toBe('fulfilled');
  });

  test('a caller that leaves frees its place, and when the last one leaves the attempts end', async () => {
    const p = new FreshProcess();
    await p.h.create('q');
    p.h.storage.cutQueues();
    const gone = new AbortController();
    const items = [item('a')];
    const call = { queueName: 'q', requestTimeout: '1m', items };
    const produced = watch(p.service.queue.produce(call, { signal: gone.signal }));
    await p.h.clock.advance('2s');
    gone.abort();
    await p.h.settle();
    expect(produced.error).toBeInstanceOf(CallerGone);
    expect(p.h.clock.pendingTimers).toBe(0);
    p.h.storage.healQueues();
    await p.h.clock.advance('1m');
    expect(await p.h.payloads('q')).toEqual([]);
  });

  test('the waiting requests have a limit on memory', async () => {
    const p = new FreshProcess();
    await p.h.create('q');
    p.h.storage.cutQueues();
    const large = [item('x'.repeat(5_000_000))];
    const calls = Array.from({ length: 20 }, () => watch(p.produce('q', '1m', large)));
    await p.h.settle();
    const refused = calls.filter(({ state }) => state === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(calls.length - refused.length).toBeGreaterThan(10);
    for (const { error } of refused) {
      expect(error).toMatchObject({ code: 'retry', message: 'queue is overloaded; try again later' });
    }
    await p.h.clock.advance('1m');
    expect(watch(p.produce('q', '1m', large)).state).toBe('pending');
  });

  test.each([
    ['names', (p: FreshProcess, text: string) => p.lease(text, 'c')],
    [
      'texts of items',
      (p: FreshProcess, reference: string) => p.produce('q', '1m', [item('', { reference })]),
    ],
  ])('the limit on memory includes long %s', async (_, call) => {
    const p = new FreshProcess();
    p.h.storage.holdQueues('get', 'before');
    const calls = Array.from({ length: 20 }, (_, i) =>
      watch<unknown>(call(p, `${i}`.padEnd(5_000_000, 'x'))),
    );
    await p.h.settle();
    const refused = calls.filter(({ state }) => state === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { error } of refused) {
      expect(error).toMatchObject({ code: 'retry', message: 'queue is overloaded; try again later' });
    }
  });

  test('a shutdown ends the wait', async () => {
    const p = new FreshProcess();
    await p.h.create('q');
    p.h.storage.cutQueues();
    const [produced, leased] = [watch(p.produce('q')), watch(p.lease('q', 'c'))];
    await p.h.clock.advance('2s');
    await p.service.shutdown();
    for (const { error } of [produced, leased]) {
      expect(error).toMatchObject({ code: 'failed', message: 'service is shutting down' });
    }
    expect(p.h.clock.pendingTimers).toBe(0);
  });
});

describe('while the settings of queues are read slowly', () => {
  test('every request is answered within its request timeout', async () => {
    const p = new FreshProcess();
    await p.h.create('q');
    const release = p.h.storage.holdQueues('get', 'before');
    const calls = [p.produce('q', '1s'), p.lease('q', 'c', '1s'), p.complete('q', '1s')].map(watch<unknown>);
    const patient = watch(p.retry('q'));
    await p.h.clock.advance('999ms');
    expect(calls.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
    await p.h.clock.advance('1ms');
    expect(calls.map(({ error }) => error?.message)).toEqual(Object.values(TIMED_OUT));
    expect(patient.state).toBe('pending');
    expect(p.read).toEqual(['q']);
    release();
    await p.h.settle();
    expect(patient.error).toMatchObject({ code: 'invalid' });
    expect(await p.h.payloads('q')).toEqual([]);
  });

  test.each(['1ms', '-5s'])(
    'a complete with a request timeout of %s waits for them nevertheless',
    async (timeout) => {
      const p = new FreshProcess();
      await p.h.create('q');
      await p.h.produce('q', ['a']);
      const { items } = await p.h.lease('q');
      const release = p.h.storage.holdQueues('get', 'before');
      const completed = watch(
        p.complete(
          'q',
          timeout,
          items.map(({ id }) => id),
        ),
      );
      await p.h.clock.advance('900ms');
      expect(completed.state).toBe('pending');
      release();
      await p.h.clock.advance('1s');
      expect(completed.error).toBeUndefined();
      expect(await p.h.payloads('q')).toEqual([]);
    },
  );

  test('the wait for them is part of the request timeout', async () => {
    const p = new FreshProcess();
    await p.h.create('q');
    const release = p.h.storage.holdQueues('get', 'before');
    p.h.storage.cut(0);
    const produced = watch(p.produce('q', '1s'));
    await p.h.clock.advance('700ms');
    release();
    await p.h.clock.advance('299ms');
    expect(produced.state).toBe('pending');
    await p.h.clock.advance('1ms');
    expect(produced.error?.message).toBe(TIMED_OUT.produce);
  });
});
