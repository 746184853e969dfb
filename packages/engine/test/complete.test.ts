import { describe, expect, test } from 'vitest';
import { Harness, payloadOf, watch } from './support/harness.ts';

const complete = (h: Harness, ids: readonly string[], partition = 0) =>
  h.service.queue.complete({ queueName: 'q', partition, requestTimeout: '5s', ids });

async function leased(h: Harness, count: number): Promise<string[]> {
  const { items } = await h.lease('q', count);
  return items.map(({ id }) => id);
}

describe('complete', () => {
  test('removes the items', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b']);
    await complete(h, await leased(h, 2));
    expect(await h.payloads('q')).toEqual([]);
  });

  test('applies all of a request or nothing, and does not affect other requests of the statement', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c', 'd']);
    const [a, b, c] = (await leased(h, 3)) as [string, string, string];
    const unknown = `0${'f'.repeat(16)}0123456789`;
    const answers = [complete(h, [a, unknown, b]), complete(h, [c])].map((answer) => watch(answer));
    await h.settle();
    expect(answers[0]?.error?.message).toBe(`invalid storage id; '${unknown}' does not exist`);
    expect(answers[1]?.state).toBe('fulfilled');
    expect(await h.payloads('q')).toEqual(['a', 'b', 'd']);
    expect(h.storage.count('complete')).toBe(1);
  });

  test('names the first bad id in the error, with its own text', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b']);
    const [a] = (await leased(h, 1)) as [string];
    const list = { queueName: 'q', partition: 0, pivot: '', limit: 0 };
    const waiting = (await h.service.storage.listItems(list)).find(({ isLeased }) => !isLeased)?.id as string;
    await expect(complete(h, [a, waiting])).rejects.toThrow(
      `item(s) cannot be completed; '${waiting}' is not marked as leased`,
    );
    await expect(complete(h, [a, 'short', waiting])).rejects.toThrow(
      "invalid storage id; 'short': Valid encoded KSUIDs are 27 characters",
    );
    await expect(complete(h, [a, a])).rejects.toThrow(`invalid storage id; '${a}' is listed more than once`);
    expect(await h.payloads('q')).toEqual(['a', 'b']);
  });

  test('is refused with "retry" after a storage failure, and then the partition counts as failing', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    const ids = await leased(h, 1);
    h.storage.cut(0);
    await expect(complete(h, ids)).rejects.toMatchObject({
      code: 'retry',
      message: 'internal error, try your request again',
    });
    await expect(complete(h, ids)).rejects.toMatchObject({
      code: 'retry',
      message: "partition not available; partition '0' is failing, retry again",
    });
    h.storage.heal(0);
    await h.clock.advance('5s');
    await complete(h, ids);
    expect(await h.payloads('q')).toEqual([]);
  });

  test.each([
    [{ partition: 1 }, "partition is invalid; '1' is not a valid partition"],
    [{ partition: -1 }, "partition is invalid; '-1' is not a valid partition"],
    [{ ids: [] }, 'ids is invalid; list of ids cannot be empty'],
    [{ requestTimeout: '' }, "request timeout is required; '5m' is recommended, 15m is the maximum"],
    [
      { requestTimeout: '16m' },
      "request timeout is invalid; maximum timeout is '15m' but '16m0s' was requested",
    ],
    [
      { requestTimeout: 'x' },
      'request timeout is invalid; time: invalid duration "x" - expected format: 900ms, 5m or 15m',
    ],
    [
      { ids: Array.from({ length: 1_001 }, (_, i) => `${i}`) },
      'ids is invalid; max_complete_batch_size is 1000 but received 1001',
    ],
    [{ queueName: 'nope' }, "queue does not exist; no such queue named 'nope'"],
    [{ queueName: 'a~b' }, "queue name is invalid; 'a~b' cannot contain '~' character"],
    [{ queueName: ' ' }, 'queue name is invalid; queue name cannot be empty'],
  ])('refuses %j without a call of storage', async (wrong, message) => {
    const h = new Harness();
    await h.create('q');
    const call = { queueName: 'q', partition: 0, requestTimeout: '5s', ids: ['x'], ...wrong };
    await expect(h.service.queue.complete(call)).rejects.toMatchObject({ code: 'invalid', message });
    expect(h.storage.count('complete')).toBe(0);
  });
});

describe('retry', () => {
  const retry = (h: Harness, id: string, rest: { dead?: boolean; inMs?: number } = {}) =>
    h.service.queue.retry({
      queueName: 'q',
      partition: 0,
      items: [
        {
          id,
          dead: rest.dead ?? false,
          ...(rest.inMs === undefined
            ? {}
            : { retryAt: (h.clock.now() + BigInt(rest.inMs * 1_000)) as ReturnType<typeof h.clock.now> }),
        },
      ],
    });

  test('puts an item at the tail under a new id and wakes waiting consumers', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    const [id] = (await leased(h, 1)) as [string];
    const waiting = watch(h.lease('q'));
    await h.settle();
    await retry(h, id);
    await h.settle();
    const again = waiting.value?.items[0];
    expect([again && payloadOf(again), again?.attempts]).toEqual(['a', 2]);
    expect(again?.id).not.toBe(id);
    await expect(complete(h, [id])).rejects.toThrow('does not exist');
  });

  test('at a given time offers the item then, not before', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    const [id] = (await leased(h, 1)) as [string];
    await retry(h, id, { inMs: 10_000 });
    const waiting = watch(h.lease('q'));
    await h.clock.advance('9999ms');
    expect(waiting.state).toBe('pending');
    await h.clock.advance('10ms');
    expect(waiting.value?.items.map(payloadOf)).toEqual(['a']);
  });

  test('with dead moves the item to the dead-letter queue before the reply, under the id it died with', async () => {
    const h = new Harness();
    await h.create('dead');
    await h.create('q', { deadQueue: 'dead' });
    await h.produce('q', ['a']);
    const [id] = (await leased(h, 1)) as [string];
    await retry(h, id, { dead: true });
    expect(await h.payloads('q')).toEqual([]);
    const [letter] = await h.service.storage.listItems({
      queueName: 'dead',
      partition: 0,
      pivot: '',
      limit: 0,
    });
    expect(letter).toMatchObject({ sourceId: id, attempts: 0, isLeased: false });
    expect(payloadOf(letter as never)).toBe('a');
  });

  test('of an expired item lets it die without any other event', async () => {
    const h = new Harness();
    await h.create('q', { leaseTimeout: '1m', expireTimeout: '61s' });
    await h.produce('q', ['a']);
    await h.clock.advance('30s');
    const [id] = (await leased(h, 1)) as [string];
    await h.clock.advance('40s');
    await retry(h, id);
    await h.clock.advance('10ms');
    expect(await h.payloads('q')).toEqual([]);
  });

  test('with dead deletes the item if there is no dead-letter queue', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a']);
    const [id] = (await leased(h, 1)) as [string];
    await retry(h, id, { dead: true });
    expect(await h.payloads('q')).toEqual([]);
    expect(h.logged).toContain('deleted items that used up their attempts or time');
  });
});
