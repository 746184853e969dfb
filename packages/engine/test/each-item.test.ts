import type { Outcome } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { Harness, payloadOf, watch } from './support/harness.ts';

const UNKNOWN = `0${'f'.repeat(16)}0123456789`;
const QUEUE = { queueName: 'q', partition: 0 } as const;

const completeEach = (h: Harness, ids: readonly string[]) =>
  h.service.leasedItems.complete({ ...QUEUE, requestTimeout: '5s', ids });
const completeAll = (h: Harness, ids: readonly string[]) =>
  h.service.queue.complete({ ...QUEUE, requestTimeout: '5s', ids });
const retryEach = (h: Harness, ids: readonly string[], dead = false) =>
  h.service.leasedItems.retry({ ...QUEUE, items: ids.map((id) => ({ id, dead })) });

/** What became of each item: `ok`, or the reason of its error. */
const verdicts = (outcomes: readonly Outcome<unknown>[]) =>
  outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.reason));

async function leased(h: Harness, payloads: readonly string[]): Promise<string[]> {
  await h.produce('q', payloads);
  const { items } = await h.lease('q', payloads.length);
  return items.map(({ id }) => id);
}

describe('complete with an outcome for each item', () => {
  test('removes the good items of a request, and tells what is wrong with the others', async () => {
    const h = new Harness();
    await h.create('q');
    const [a, b, c] = (await leased(h, ['a', 'b', 'c'])) as [string, string, string];
    await h.produce('q', ['d']);
    const list = await h.service.storage.listItems({ ...QUEUE, pivot: '', limit: 0 });
    const waiting = list.find(({ isLeased }) => !isLeased)?.id as string;
    await completeAll(h, [b]);
    expect(verdicts(await completeEach(h, [c, UNKNOWN, waiting, 'short', a, b]))).toEqual([
      ...['ok', 'lease_lost', 'not_leased', 'no_such_item', 'ok', 'lease_lost'],
    ]);
    expect(await h.payloads('q')).toEqual(['d']);
  });

  test('does not let one lost lease undo 999 others', async () => {
    const h = new Harness();
    await h.create('q');
    const ids = await leased(
      h,
      Array.from({ length: 999 }, (_, n) => `${n}`),
    );
    const outcomes = await completeEach(h, [...ids.slice(0, 500), UNKNOWN, ...ids.slice(500)]);
    expect(outcomes.flatMap(({ ok }, n) => (ok ? [] : [n]))).toEqual([500]);
    expect(await h.payloads('q')).toEqual([]);
  });

  test('shares a statement with requests that are decided as a whole, and changes nothing for them', async () => {
    const h = new Harness();
    await h.create('q');
    const [a, b, c, d, e] = (await leased(h, ['a', 'b', 'c', 'd', 'e'])) as [string, ...string[]];
    const whole = watch(completeAll(h, [a, UNKNOWN, b as string]));
    const each = watch(completeEach(h, [c as string, UNKNOWN]));
    const good = watch(completeAll(h, [d as string, e as string]));
    await h.settle();
    expect(whole.error?.message).toBe(`invalid storage id; '${UNKNOWN}' does not exist`);
    expect(verdicts(each.value ?? [])).toEqual(['ok', 'lease_lost']);
    expect(good.state).toBe('fulfilled');
    expect(await h.payloads('q')).toEqual(['a', 'b']);
    expect(h.storage.count('complete')).toBe(1);
  });

  test('gives an id that two requests name to the first one', async () => {
    const h = new Harness();
    await h.create('q');
    const [a, b] = (await leased(h, ['a', 'b'])) as [string, string];
    const [first, second] = await Promise.all([completeEach(h, [a]), completeEach(h, [b, a])]);
    expect([verdicts(first), verdicts(second)]).toEqual([['ok'], ['ok', 'lease_lost']]);
  });

  test('is refused as a whole when storage fails', async () => {
    const h = new Harness();
    await h.create('q');
    const ids = await leased(h, ['a', 'b']);
    h.storage.fail('complete', 0, 'unknown-lost');
    await expect(completeEach(h, ids)).rejects.toMatchObject({ code: 'retry', reason: 'outcome_unknown' });
    expect(await h.payloads('q')).toEqual(['a', 'b']);
  });

  test.each([
    [{ ids: [] }, 'ids is invalid; list of ids cannot be empty'],
    [{ ids: ['x', 'x'] }, "invalid storage id; 'x' is listed more than once"],
    [{ partition: 1 }, "partition is invalid; '1' is not a valid partition"],
    [{ requestTimeout: '' }, "request timeout is required; '5m' is recommended, 15m is the maximum"],
  ])('refuses %j as a whole', async (wrong, message) => {
    const h = new Harness();
    await h.create('q');
    const call = { ...QUEUE, requestTimeout: '5s', ids: ['x'], ...wrong };
    await expect(h.service.leasedItems.complete(call)).rejects.toMatchObject({ code: 'invalid', message });
    expect(h.storage.count('complete')).toBe(0);
  });
});

describe('retry with an outcome for each item', () => {
  test('puts the good items to the tail in the order of the request, and wakes consumers', async () => {
    const h = new Harness();
    await h.create('q');
    const [a, b, c] = (await leased(h, ['a', 'b', 'c'])) as [string, string, string];
    await completeAll(h, [b]);
    const waiting = watch(h.lease('q', 10));
    await h.settle();
    const outcomes = await retryEach(h, [c, b, a]);
    expect(verdicts(outcomes)).toEqual(['ok', 'lease_lost', 'ok']);
    await h.settle();
    expect(waiting.value?.items.map(payloadOf)).toEqual(['c', 'a']);
  });

  test('says what became of each item', async () => {
    const h = new Harness();
    await h.create('q');
    const [a, b] = (await leased(h, ['a', 'b'])) as [string, string];
    const retryAt = (h.clock.now() + 60_000_000n) as ReturnType<typeof h.clock.now>;
    const items = [
      { id: a, dead: true },
      { id: b, retryAt, dead: false },
    ];
    const outcomes = await h.service.leasedItems.retry({ ...QUEUE, items });
    expect(outcomes).toMatchObject([{ value: { deleted: 1 } }, { value: { scheduled: 1 } }]);
    expect(verdicts(await retryEach(h, [a, b]))).toEqual(['lease_lost', 'not_leased']);
    expect(h.logged).toContain('deleted items that used up their attempts or time');
  });

  test('moves dead items before the reply, beside items that are refused', async () => {
    const h = new Harness();
    await h.create('dead');
    await h.create('q', { deadQueue: 'dead' });
    const ids = await leased(h, ['a', 'b']);
    expect(verdicts(await retryEach(h, [...ids, UNKNOWN], true))).toEqual(['ok', 'ok', 'lease_lost']);
    expect(await h.payloads('dead')).toEqual(['a', 'b']);
  });

  test('refuses an item that is named twice as a whole', async () => {
    const h = new Harness();
    await h.create('q');
    const [a] = (await leased(h, ['a'])) as [string];
    await expect(retryEach(h, [a, a])).rejects.toThrow(`invalid storage id; '${a}' is listed more than once`);
    expect(h.storage.count('retry')).toBe(0);
  });
});
