import type { QueueError } from '@querator/core';
import { ManualClock, SeededRandom } from '@querator/core/testing';
import { dedupSlot, partitionInSpread } from '@querator/router';
import { memoryBackend } from '@querator/storage-memory';
import { describe, expect, test } from 'vitest';
import { createService, type KeyedProduceCall, type ProducedItem } from '../src/index.ts';
import { Harness, item, payloadOf, queueCall, watch } from './support/harness.ts';

/** Produces items with these payloads under one key. */
function produce(
  h: Harness,
  dedupKey: string,
  texts: readonly string[],
  rest: Partial<KeyedProduceCall> = {},
) {
  return h.service.keyedProduces.produce({
    queueName: 'q',
    requestTimeout: '1m',
    items: texts.map((text) => item(text)),
    dedupKey,
    itemKeys: [],
    dedupWindow: '',
    ...rest,
  });
}

/** Produces an item under each key, with the key as its payload. Empty: an item without a key. */
function produceEach(h: Harness, keys: readonly string[], rest: Partial<KeyedProduceCall> = {}) {
  return produce(
    h,
    '',
    keys.map((key, n) => key || `plain ${n}`),
    { itemKeys: keys, ...rest },
  );
}

/** `stored`, `duplicate`, or the reason of an item's error. */
function statesOf(produced: readonly ProducedItem[]) {
  return produced.map((each) =>
    'error' in each ? each.error.reason : each.duplicate ? 'duplicate' : 'stored',
  );
}

/** A key for each of so many partitions. */
function keysFor(partitions: number): readonly string[] {
  return Array.from({ length: partitions }, (_, partition) => {
    for (let n = 0; ; n++) {
      if (partitionInSpread(dedupSlot(`key-${n}`), [partitions]) === partition) return `key-${n}`;
    }
  });
}

describe('a produce with a key for the request', () => {
  test('stores once, and answers a repeat with the first ids', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 4 });
    const first = await produce(h, 'k', ['a', 'b']);
    expect(statesOf(first)).toEqual(['stored', 'stored']);
    const second = await produce(h, 'k', ['other', 'content']);
    expect(second).toEqual(first.map((each) => ({ ...each, duplicate: true })));
    const { partition } = first[0] as Extract<ProducedItem, { id: string }>;
    expect(partition).toBe(partitionInSpread(dedupSlot('k'), [4]));
    expect(await h.payloads('q', partition)).toEqual(['a', 'b']);
  });

  test('is a duplicate also after its items were completed, until the window ends', async () => {
    const h = new Harness();
    await h.create('q');
    const [first] = await produce(h, 'k', ['a'], { dedupWindow: '2m' });
    const { items, partition } = await h.lease('q');
    await h.service.queue.complete({
      ...{ queueName: 'q', requestTimeout: '1m', partition },
      ids: items.map(({ id }) => id),
    });
    expect(await produce(h, 'k', ['a'])).toEqual([{ ...first, duplicate: true }]);
    await h.clock.advance('2m');
    expect(statesOf(await produce(h, 'k', ['a']))).toEqual(['stored']);
  });

  test('answers as many items as the repeat has, and refuses more than were stored', async () => {
    const h = new Harness();
    await h.create('q');
    const first = await produce(h, 'k', ['a', 'b']);
    expect(await produce(h, 'k', ['a'])).toEqual([{ ...first[0], duplicate: true }]);
    await expect(produce(h, 'k', ['a', 'b', 'c'])).rejects.toThrow(
      'dedup_key is invalid; it was stored with 2 items, and this request has 3',
    );
    expect(await h.payloads('q')).toEqual(['a', 'b']);
  });

  test('wakes a waiting consumer', async () => {
    const h = new Harness();
    await h.create('q');
    const leased = h.lease('q');
    await h.settle();
    await produce(h, 'k', ['a']);
    expect((await leased).items.map(payloadOf)).toEqual(['a']);
  });

  test('waits for its partition, and goes to no other one', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 2 });
    await h.service.queue.stats('q');
    const [key] = keysFor(2);
    h.storage.cut(0);
    const late = watch(produce(h, key as string, ['late'], { requestTimeout: '1s' }));
    const patient = watch(produce(h, key as string, ['patient'], { requestTimeout: '1m' }));
    await h.clock.advance('2s');
    expect(late).toMatchObject({
      state: 'rejected',
      error: {
        code: 'retry',
        reason: 'unavailable',
        message: 'request timeout; items were not produced, try again',
      },
    });
    expect(patient.state).toBe('pending');
    // Only the probes find out when the partition is back.
    expect(h.storage.count('produceKeyed')).toBe(1);
    h.storage.heal(0);
    await h.clock.advance('10s');
    expect(statesOf(patient.value ?? [])).toEqual(['stored']);
    expect(await h.payloads('q', 0)).toEqual(['patient']);
    expect(await h.payloads('q', 1)).toEqual([]);
  });

  test.each(['unknown-applied', 'unknown-lost'] as const)(
    'tells an unknown outcome, after which a repeat is safe: %s',
    async (fault) => {
      const h = new Harness();
      await h.create('q');
      h.storage.fail('produceKeyed', 0, fault);
      await expect(produce(h, 'k', ['a'])).rejects.toMatchObject({
        code: 'retry',
        reason: 'outcome_unknown',
      });
      h.storage.heal(0);
      const [repeated] = await produce(h, 'k', ['a']);
      expect(repeated).toMatchObject({ duplicate: fault === 'unknown-applied' });
      expect(await h.payloads('q')).toEqual(['a']);
    },
  );

  test('tells an unknown outcome if its time is up while storage works on it', async () => {
    const h = new Harness();
    await h.create('q');
    const release = h.storage.hold('produceKeyed', 0);
    const answer = watch(produce(h, 'k', ['a'], { requestTimeout: '1s' }));
    await h.clock.advance('2s');
    expect(answer.error).toMatchObject({ code: 'retry', reason: 'outcome_unknown' });
    release();
    await h.settle();
    expect(statesOf(await produce(h, 'k', ['a']))).toEqual(['duplicate']);
  });

  test('leaves other requests alone if only the keys cannot be stored', async () => {
    const h = new Harness();
    await h.create('q');
    h.storage.fail('produceKeyed', 0, 'not-applied');
    const keyed = watch(produce(h, 'k', ['keyed']));
    await h.settle();
    await h.produce('q', ['plain']);
    expect(h.logged).toContain('dedup keys cannot be stored');
    expect(h.logged).not.toContain('partition is failing');
    const attempts = h.storage.count('produceKeyed');
    await h.clock.advance('5s');
    expect(h.storage.count('produceKeyed')).toBeLessThan(attempts + 10);
    h.storage.heal(0);
    await h.clock.advance('5s');
    expect(keyed.state).toBe('fulfilled');
    expect(await h.payloads('q')).toEqual(['plain', 'keyed']);
  });

  test('is not put off by failures with a success in between', async () => {
    const h = new Harness({ statementsInFlight: 3 });
    await h.create('q');
    await produce(h, 'first', ['a']);
    const loseAnswer = async (key: string) => {
      h.storage.fail('produceKeyed', 0, 'unknown-lost');
      const lost = watch(produce(h, key, [key]));
      await h.settle();
      expect(lost.error).toMatchObject({ reason: 'outcome_unknown' });
      h.storage.heal(0);
    };
    const repeats = async (key: string) => {
      const repeated = watch(produce(h, key, [key]));
      await h.settle();
      expect(repeated.state).toBe('fulfilled');
    };
    // The probe after the first failure ends after the success that follows.
    const release = h.storage.hold('probe', 0);
    await loseAnswer('one');
    await repeats('one');
    release();
    await h.settle();
    await loseAnswer('two');
    await repeats('two');
    expect(h.logged).not.toContain('dedup keys cannot be stored');
  });

  test('shares a statement with others that arrive while storage is busy', async () => {
    const h = new Harness();
    await h.create('q');
    const release = h.storage.hold('produceKeyed', 0);
    const busy = produce(h, 'first', ['busy']);
    await h.settle();
    const waiting = ['a', 'b', 'c'].map((key) => produce(h, key, [key]));
    const repeat = produce(h, 'a', ['again']);
    await h.settle();
    expect(h.storage.count('produceKeyed')).toBe(1);
    release();
    const answers = await Promise.all([busy, ...waiting, repeat]);
    expect(h.storage.count('produceKeyed')).toBe(2);
    expect(answers.flatMap(statesOf)).toEqual(['stored', 'stored', 'stored', 'stored', 'duplicate']);
    expect(await h.payloads('q')).toEqual(['busy', 'a', 'b', 'c']);
  });

  test('is not stored once its caller has left or its queue stops', async () => {
    const h = new Harness();
    await h.create('q');
    const release = h.storage.hold('produceKeyed', 0);
    const busy = produce(h, 'first', ['busy']);
    await h.settle();
    const gone = watch(produce(h, 'late', ['late'], { requestTimeout: '1s' }));
    await h.clock.advance('2s');
    expect(gone.error).toMatchObject({ reason: 'unavailable' });
    const waiting = watch(produce(h, 'waiting', ['waiting']));
    await h.settle();
    const stopped = h.service.shutdown();
    await h.settle();
    expect(waiting.error).toMatchObject({ code: 'failed' });
    release();
    expect(statesOf(await busy)).toEqual(['stored']);
    await stopped;
    const store = h.storage.partitionStore({ queue: 'q', partition: 0 });
    expect((await store.list({ state: 'queued', pivot: '', limit: 10 })).map(payloadOf)).toEqual(['busy']);
  });

  test('is refused while too much waits, and counts in the budget of the process', async () => {
    let held = 0;
    const h = new Harness(
      { itemsBuffered: 2 },
      {
        take: (bytes) => {
          held += bytes;
          return held < 10_000;
        },
        release: (bytes) => {
          held -= bytes;
        },
      },
    );
    await h.create('q');
    const release = h.storage.hold('produceKeyed', 0);
    const answers = [produce(h, 'a', ['a'])];
    await h.settle();
    answers.push(produce(h, 'b', ['b']), produce(h, 'c', ['c']));
    await h.settle();
    await expect(produce(h, 'd', ['d'])).rejects.toThrow('queue is overloaded');
    release();
    await Promise.all(answers);
    expect(held).toBe(0);
    await expect(produce(h, 'e', ['x'.repeat(10_000)])).rejects.toThrow('queue is overloaded');
  });
});

describe('a produce with keys for its items', () => {
  test('is split by partition, and answers in the order of the request', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 3 });
    const keys = keysFor(3);
    const request = [...keys, '', ...keys.toReversed()];
    const produced = await produceEach(h, request);
    expect(statesOf(produced)).toEqual([
      ...['stored', 'stored', 'stored', 'stored'],
      ...['duplicate', 'duplicate', 'duplicate'],
    ]);
    for (const [n, key] of keys.entries()) {
      expect(produced[n]).toMatchObject({ partition: n });
      expect(produced[request.length - 1 - n]).toEqual({ ...produced[n], duplicate: true });
      expect(await h.payloads('q', n)).toContain(key);
    }
    const stored = await Promise.all(keys.map((_, n) => h.payloads('q', n)));
    expect(stored.flat().sort()).toEqual([...keys, 'plain 3'].sort());
  });

  test('is told for each item which partitions stored it', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 3 });
    await h.service.queue.stats('q');
    const keys = keysFor(3);
    h.storage.cut(0);
    h.storage.fail('produceKeyed', 1, 'unknown-applied');
    const answer = watch(produceEach(h, [...keys, ...keys], { requestTimeout: '1s' }));
    await h.clock.advance('2s');
    const failed = ['unavailable', 'outcome_unknown'];
    expect(statesOf(answer.value ?? [])).toEqual([...failed, 'stored', ...failed, 'duplicate']);
    h.storage.heal(0);
    h.storage.heal(1);
    await h.clock.advance('10s');
    expect(statesOf(await produceEach(h, keys))).toEqual(['stored', 'duplicate', 'duplicate']);
  });
});

test('a storage without dedup keys refuses the request, and says what is missing', async () => {
  const clock = new ManualClock();
  const random = new SeededRandom();
  const memory = memoryBackend({ name: 'plain', clock, random });
  const partitionStore = memory.partitionStore.bind(memory);
  memory.partitionStore = (key, owner) =>
    Object.assign(partitionStore(key, owner), { produceKeyed: undefined });
  const storages = [{ backend: memory, affinity: 1 }];
  const service = createService({ clock, random, queueStore: memory.queueStore(), storages });
  await service.queues.create(queueCall('q'));
  const call = { queueName: 'q', requestTimeout: '1m', items: [item('a')], itemKeys: [], dedupWindow: '' };
  await expect(service.keyedProduces.produce({ ...call, dedupKey: 'k' })).rejects.toMatchObject({
    ...{ code: 'invalid', missing: 'dedup' },
    message: "dedup_key is invalid; storage 'plain' does not support dedup keys",
  });
});

describe('the limit of dedup keys', () => {
  test('refuses new keys and answers old ones, until keys end', async () => {
    const h = new Harness({ dedupKeys: 4 });
    await h.create('q', { requestedPartitions: 2 });
    const [key] = keysFor(2);
    const alike = Array.from({ length: 1_000 }, (_, n) => `k${n}`).filter(
      (each) => partitionInSpread(dedupSlot(each), [2]) === 0,
    );
    expect(statesOf(await produce(h, key as string, ['a']))).toEqual(['stored']);
    expect(statesOf(await produceEach(h, alike.slice(0, 1)))).toEqual(['stored']);
    await expect(produce(h, alike[1] as string, ['x'])).rejects.toMatchObject({
      ...{ code: 'retry', reason: 'over_limit' },
      message: 'queue holds too many dedup keys; 4 is the most, try again later',
    });
    expect(statesOf(await produce(h, key as string, ['a']))).toEqual(['duplicate']);
    expect(statesOf(await produceEach(h, [alike[1] as string, alike[0] as string]))).toEqual([
      'over_limit',
      'over_limit',
    ]);
    await h.clock.advance('6m');
    expect(statesOf(await produce(h, alike[1] as string, ['x']))).toEqual(['stored']);
  });

  test('counts the keys of other processes once a minute', async () => {
    const h = new Harness({ dedupKeys: 2 });
    await h.create('q');
    const store = h.storage.partitionStore({ queue: 'q', partition: 0 });
    const others = Array.from({ length: 5 }, (_, n) => ({ key: `other ${n}`, items: [item('x')] }));
    await produce(h, 'a', ['a']);
    const window = 3_600_000_000_000n as never;
    await store.produceKeyed?.([{ groups: others, window }], { expireTimeout: window, newKeys: 'store' });
    await h.clock.advance('59s');
    expect(h.storage.count('countKeys')).toBe(1);
    expect(statesOf(await produce(h, 'a', ['a']))).toEqual(['duplicate']);
    await h.clock.advance('2s');
    await produce(h, 'a', ['a']);
    await h.settle();
    expect(h.storage.count('countKeys')).toBe(2);
    await expect(produce(h, 'b', ['b'])).rejects.toMatchObject({ reason: 'over_limit' });
  });
});

describe('ended dedup keys', () => {
  test('are removed in batches, and then no more calls follow', async () => {
    const h = new Harness({ sweepItems: 2 });
    await h.create('q');
    await produceEach(h, ['a', 'b', 'c', 'd', 'e'], { dedupWindow: '20s' });
    const store = h.storage.partitionStore({ queue: 'q', partition: 0 });
    expect(await store.countKeys?.()).toBe(5);
    await h.clock.advance('40s');
    expect(await store.countKeys?.()).toBe(0);
    const calls = h.storage.count('sweepKeys');
    await h.clock.advance('10m');
    expect(h.storage.count('sweepKeys')).toBe(calls);
  });

  test('are looked for when a queue is loaded, once if there are none', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    await h.clock.advance('1h');
    expect(h.storage.count('sweepKeys')).toBe(1);
    expect(h.storage.count('countKeys')).toBe(0);
  });

  test('that cannot be removed harm nothing else', async () => {
    const h = new Harness();
    await h.create('q');
    await produce(h, 'k', ['a'], { dedupWindow: '1s' });
    h.storage.fail('sweepKeys', 0, 'not-applied');
    await h.clock.advance('30s');
    expect(h.logged).toContain('ended dedup keys were not removed');
    expect(h.logged).not.toContain('partition is failing');
    h.storage.heal(0);
    await h.clock.advance('2m');
    const store = h.storage.partitionStore({ queue: 'q', partition: 0 });
    expect(await store.countKeys?.()).toBe(0);
  });
});

describe('a wrong dedup key', () => {
  test.each([
    [
      { dedupKey: 'k', itemKeys: ['l'] },
      'dedup_key is invalid; the request may have one or its items, but not both',
    ],
    [{ dedupKey: 'k'.repeat(257) }, "dedup_key is invalid; cannot be greater than '256' characters"],
    [{ dedupKey: 'a\0b' }, 'dedup_key is invalid; cannot contain the character U+0000'],
    [
      { dedupKey: '', itemKeys: ['ö'.repeat(129)] },
      "dedup_key is invalid; cannot be greater than '256' characters",
    ],
    [{ dedupWindow: 'soon' }, 'dedup_window is invalid; '],
    [{ dedupWindow: '999ms' }, "dedup_window is invalid; expected '1s' to '336h' but '999ms' was requested"],
    [
      { dedupWindow: '336h0m1s' },
      "dedup_window is invalid; expected '1s' to '336h' but '336h0m1s' was requested",
    ],
    [{ dedupWindow: '1'.repeat(100) }, "dedup_window is invalid; cannot be greater than '15' characters"],
    [{ dedupKey: '', itemKeys: [''], dedupWindow: '5m' }, 'dedup_window is invalid; neither the request nor'],
    [{ items: [] }, 'items cannot be empty'],
  ])('%j is refused', async (call, message) => {
    const h = new Harness();
    await h.create('q');
    const refused = produce(h, 'k', ['a'], call);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ code: 'invalid' } satisfies Partial<QueueError>);
    expect(h.storage.count('produceKeyed')).toBe(0);
  });
});
