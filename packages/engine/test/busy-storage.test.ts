import { ManualClock, SeededRandom } from '@querator/core/testing';
import { memoryBackend } from '@querator/storage-memory';
import { describe, expect, test } from 'vitest';
import { createService, type EngineLimits } from '../src/index.ts';
import { Harness, item, queueCall, watch } from './support/harness.ts';

const OVERLOADED = { code: 'retry', message: 'queue is overloaded; try again later' };

/** The texts of a test's item: 'utf-8', 'test' and 'ref', at three bytes for each UTF-16 unit. */
const TEXT_BYTES = 36;

/** Holds every statement of a kind until the test releases it. */
async function busy(limits: Partial<EngineLimits> = {}) {
  const h = new Harness(limits);
  await h.create('q');
  await h.service.queue.stats('q');
  const release = h.storage.hold('produce', 0);
  const first = watch(h.produce('q', ['first']));
  await h.settle();
  return { h, release, first };
}

describe('a busy storage', () => {
  test('refuses none of a thousand producers of single items, where a statement takes 20 ms', async () => {
    const clock = new ManualClock();
    const random = new SeededRandom();
    const memory = memoryBackend({ name: 'mem', clock, random });
    const slow = {
      ...memory,
      name: 'mem',
      queueStore: () => memory.queueStore(),
      partitionStore: (...key: Parameters<typeof memory.partitionStore>) => {
        const store = memory.partitionStore(...key);
        const produce: typeof store.produce = async (requests, timeout) => {
          await new Promise<void>((resolve) => clock.startTimer(20, resolve));
          return store.produce(requests, timeout);
        };
        return new Proxy(store, {
          get: (target, name) => {
            if (name === 'produce') return produce;
            if (name === 'produceAndLease') return undefined;
            const value = Reflect.get(target, name);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        });
      },
      ping: () => memory.ping(),
      close: () => memory.close(),
    };
    const storages = [{ backend: slow, affinity: 1 }];
    const service = createService({ clock, random, queueStore: memory.queueStore(), storages });
    await service.queues.create(queueCall('q'));
    let stored = 0;
    const producer = async (n: number) => {
      // They come one after the other, as from clients, so most find statements in flight.
      await new Promise<void>((resolve) => clock.startTimer(n / 10, resolve));
      for (let round = 0; round < 3; round++) {
        await service.queue.produce({ queueName: 'q', requestTimeout: '1m', items: [item(`${n}/${round}`)] });
        stored++;
      }
    };
    const producers = Array.from({ length: 1_000 }, (_, n) => watch(producer(n)));
    await clock.advance('1s');
    expect(producers.filter(({ state }) => state === 'rejected')).toEqual([]);
    expect(stored).toBe(3_000);
  });

  test('refuses requests beyond the limit on waiting items', async () => {
    const { h, release, first } = await busy({ itemsBuffered: 10 });
    const answers = [6, 4, 1].map((count) =>
      watch(
        h.produce(
          'q',
          Array.from({ length: count }, (_, n) => `${count}/${n}`),
        ),
      ),
    );
    await h.settle();
    expect(answers.map(({ state }) => state)).toEqual(['pending', 'pending', 'rejected']);
    expect(answers[2]?.error).toMatchObject(OVERLOADED);
    release();
    await h.settle();
    expect([first, ...answers.slice(0, 2)].map(({ state }) => state)).toEqual([
      ...['fulfilled', 'fulfilled', 'fulfilled'],
    ]);
    await h.produce('q', ['again']);
  });

  test('refuses requests beyond the limit on waiting bytes', async () => {
    const { h, release } = await busy({ bytesBuffered: 10 + 2 * TEXT_BYTES });
    const answers = ['123456', '7890', 'x'].map((text) => watch(h.produce('q', [text])));
    await h.settle();
    expect(answers.map(({ state }) => state)).toEqual(['pending', 'pending', 'rejected']);
    release();
    await h.settle();
    await h.produce('q', ['again']);
  });

  test('refuses requests beyond the limit on waiting bytes of texts', async () => {
    const { h, release } = await busy({ bytesBuffered: 10_000 });
    const items = [item('', { reference: 'r'.repeat(5_000) })];
    const produce = () => watch(h.service.queue.produce({ queueName: 'q', requestTimeout: '1m', items }));
    const answers = [produce(), produce()];
    await h.settle();
    expect(answers.map(({ state }) => state)).toEqual(['pending', 'rejected']);
    expect(answers[1]?.error).toMatchObject(OVERLOADED);
    release();
    await h.settle();
    expect(answers[0]?.state).toBe('fulfilled');
  });

  test.each(['complete', 'retry'] as const)(
    'refuses requests beyond the limit on bytes of invalid ids: %s',
    async (kind) => {
      const h = new Harness({ itemsBuffered: 50 });
      await h.create('q');
      await h.produce('q', ['a']);
      await h.lease('q');
      const release = h.storage.hold(kind, 0);
      const id = 'x'.repeat(40_000);
      const call = {
        queueName: 'q',
        partition: 0,
        requestTimeout: '1m',
        ids: [id],
        items: [{ id, dead: false }],
      };
      const answers = [];
      for (let n = 0; n < 4; n++) {
        answers.push(watch(h.service.queue[kind](call)));
        await h.settle();
      }
      expect(answers.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending', 'rejected']);
      expect(answers[3]?.error).toMatchObject(OVERLOADED);
      release();
      await h.settle();
      for (const { error } of answers.slice(0, 3)) expect(error).toMatchObject({ code: 'invalid' });
    },
  );

  test('accepts further requests once waiting ones have left', async () => {
    const { h, release } = await busy({ itemsBuffered: 2 });
    const waited = watch(h.produce('q', ['a', 'b'], '1s'));
    await h.settle();
    await expect(h.produce('q', ['refused'])).rejects.toMatchObject(OVERLOADED);
    await h.clock.advance('1s');
    expect(waited.state).toBe('rejected');
    const next = watch(h.produce('q', ['next']));
    await h.settle();
    expect(next.state).toBe('pending');
    release();
    await h.settle();
    expect(next.state).toBe('fulfilled');
  });

  test('refuses completes and retries beyond the limit on waiting items', async () => {
    const h = new Harness({ itemsBuffered: 3 });
    await h.create('q');
    const texts = Array.from({ length: 12 }, (_, n) => `${n}`);
    await h.produce('q', texts);
    const ids = (await h.lease('q', 12)).items.map(({ id }) => id);
    const complete = (count: number) =>
      watch(
        h.service.queue.complete({
          queueName: 'q',
          partition: 0,
          requestTimeout: '1m',
          ids: ids.splice(0, count),
        }),
      );
    const retry = (count: number) => {
      const items = ids.splice(0, count).map((id) => ({ id, dead: false }));
      return watch(h.service.queue.retry({ queueName: 'q', partition: 0, items }));
    };
    for (const call of [complete, retry]) {
      const release = h.storage.hold(call === complete ? 'complete' : 'retry', 0);
      const first = call(1);
      await h.settle();
      const answers = [call(2), call(1), call(1)];
      await h.settle();
      expect(answers.map(({ state }) => state)).toEqual(['pending', 'pending', 'rejected']);
      expect(answers[2]?.error).toMatchObject(OVERLOADED);
      release();
      await h.settle();
      expect([first, ...answers.slice(0, 2)].every(({ state }) => state === 'fulfilled')).toBe(true);
    }
  });
});
