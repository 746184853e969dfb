import { milliseconds, type SweepRequest } from '@querator/core';
import { describe, expect, test } from 'vitest';
import { Harness, item, payloadOf, watch } from './support/harness.ts';

const at = (h: Harness, inMs: number) =>
  (h.clock.now() + BigInt(inMs * 1_000)) as ReturnType<typeof h.clock.now>;

const imported = (text: string, rest: object = {}) => ({
  ...item(text),
  isLeased: false,
  attempts: 0,
  maxAttempts: 0,
  ...rest,
});

describe('clear', () => {
  async function filled(): Promise<Harness> {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['leased', 'waiting']);
    await h.lease('q');
    const scheduled = item('scheduled', { enqueueAt: at(h, 3_600_000) });
    await h.service.queue.produce({ queueName: 'q', requestTimeout: '1s', items: [scheduled] });
    return h;
  }
  const left = async (h: Harness) => {
    const scheduled = await h.service.storage.listScheduled({
      queueName: 'q',
      partition: 0,
      pivot: '',
      limit: 0,
    });
    return [...(await h.payloads('q')), ...scheduled.map(payloadOf)];
  };

  test.each([
    [{ queue: true, scheduled: false, destructive: false }, ['leased', 'scheduled']],
    [{ queue: false, scheduled: true, destructive: true }, ['leased', 'waiting']],
    [{ queue: true, scheduled: true, destructive: false }, ['leased']],
    [{ queue: true, scheduled: false, destructive: true }, ['scheduled']],
    [{ queue: true, scheduled: true, destructive: true }, []],
  ])('with %j leaves %j', async (what, expected) => {
    const h = await filled();
    const removed = await h.service.queue.clear({ queueName: 'q', ...what });
    expect(await left(h)).toEqual(expected);
    expect(removed).toBe(3 - expected.length);
  });

  test('with destructive alone is an error', async () => {
    const h = await filled();
    const call = { queueName: 'q', queue: false, scheduled: false, destructive: true };
    await expect(h.service.queue.clear(call)).rejects.toMatchObject({
      code: 'invalid',
      message: "invalid clear request; one of 'queue', 'scheduled' must be true",
    });
  });

  test('is refused with "retry" after a storage failure', async () => {
    const h = await filled();
    h.storage.cut(0);
    const call = { queueName: 'q', queue: true, scheduled: false, destructive: false };
    await expect(h.service.queue.clear(call)).rejects.toMatchObject({ code: 'retry' });
  });
});

describe('reload', () => {
  test('counts anew, takes a failing partition out of service, and returns a working one', async () => {
    const h = new Harness();
    await h.create('q', { requestedPartitions: 2 });
    await h.service.queue.stats('q');
    h.storage.fail('stats', 1, 'not-applied');
    await h.service.queue.reload('q');
    h.storage.heal(1);
    expect((await h.service.queue.stats('q')).partitions.map(({ failures }) => failures)).toEqual([0, 1]);
    await h.service.queue.reload('q');
    expect((await h.service.queue.stats('q')).partitions.map(({ failures }) => failures)).toEqual([0, 0]);
  });
});

describe('import and delete', () => {
  test('import stores items with all their fields at the tail, and wakes waiting consumers', async () => {
    const h = new Harness();
    await h.create('q');
    const waiting = watch(h.lease('q'));
    await h.settle();
    const deadline = at(h, 7_200_000);
    const stored = await h.service.storage.importItems({
      queueName: 'q',
      partition: 0,
      items: [imported('a', { attempts: 3, expireDeadline: deadline, sourceId: 'was-here' })],
    });
    expect(stored).toMatchObject([{ attempts: 3, expireDeadline: deadline, sourceId: 'was-here' }]);
    await h.settle();
    expect(waiting.value?.items.map((each) => [payloadOf(each), each.attempts])).toEqual([['a', 4]]);
  });

  test('import leaves out an item with a known source id, also within one request', async () => {
    const h = new Harness();
    await h.create('q');
    const call = { queueName: 'q', partition: 0 };
    const twice = [imported('a', { sourceId: 's' }), imported('b', { sourceId: 's' })];
    expect(await h.service.storage.importItems({ ...call, items: twice })).toHaveLength(1);
    expect(
      await h.service.storage.importItems({ ...call, items: [imported('c', { sourceId: 's' })] }),
    ).toEqual([]);
    expect(await h.payloads('q')).toEqual(['a']);
  });

  test('import of an ended lease, or of a lease without deadline, returns the item to the queue at once', async () => {
    const h = new Harness();
    await h.create('q');
    const items = [
      imported('over', { isLeased: true, attempts: 1, leaseDeadline: at(h, -1) }),
      imported('endless', { isLeased: true, attempts: 1 }),
      imported('valid', { isLeased: true, attempts: 1, leaseDeadline: at(h, 60_000) }),
    ];
    await h.service.storage.importItems({ queueName: 'q', partition: 0, items });
    await h.clock.advance('1s');
    const { items: leased } = await h.lease('q', 5);
    expect(leased.map(payloadOf).sort()).toEqual(['endless', 'over']);
  });

  test('import keeps a schedule', async () => {
    const h = new Harness();
    await h.create('q');
    const items = [imported('later', { enqueueAt: at(h, 5_000) })];
    await h.service.storage.importItems({ queueName: 'q', partition: 0, items });
    const waiting = watch(h.lease('q'));
    await h.clock.advance('4s');
    expect(waiting.state).toBe('pending');
    await h.clock.advance('2s');
    expect(waiting.value?.items.map(payloadOf)).toEqual(['later']);
  });

  test('delete removes items in any state, and skips unknown ids', async () => {
    const h = new Harness();
    await h.create('q');
    await h.produce('q', ['a', 'b', 'c']);
    const { items } = await h.lease('q');
    const page = await h.service.storage.listItems({ queueName: 'q', partition: 0, pivot: '', limit: 2 });
    const unknown = `0${'f'.repeat(16)}0123456789`;
    const ids = [items[0]?.id as string, page[1]?.id as string, unknown];
    await h.service.storage.deleteItems({ queueName: 'q', partition: 0, ids });
    expect(await h.payloads('q')).toEqual(['c']);
  });

  test.each([
    [[], 'ids is invalid; cannot be empty'],
    [['short'], "invalid storage id; 'short': Valid encoded KSUIDs are 27 characters"],
    [
      [`0${'1'.repeat(26)}`, `0${'1'.repeat(26)}`],
      `invalid storage id; '0${'1'.repeat(26)}' is listed more than once`,
    ],
  ])('delete of %j is refused, and removes nothing', async (ids, message) => {
    const h = new Harness();
    await h.create('q');
    await expect(h.service.storage.deleteItems({ queueName: 'q', partition: 0, ids })).rejects.toMatchObject({
      code: 'invalid',
      message,
    });
    expect(h.storage.count('delete')).toBe(0);
  });

  test('import of no items, or of a text that cannot be stored, is refused', async () => {
    const h = new Harness();
    await h.create('q');
    const call = { queueName: 'q', partition: 0 };
    await expect(h.service.storage.importItems({ ...call, items: [] })).rejects.toThrow(
      'items is invalid; cannot be empty',
    );
    await expect(
      h.service.storage.importItems({ ...call, items: [imported('a', { kind: 'a\0b' })] }),
    ).rejects.toThrow('kind is invalid; cannot contain the character U+0000');
  });
});

describe('dead items whose dead-letter queue was deleted', () => {
  test('are claimed for growing times, and moved soon after the queue exists again', async () => {
    // The process keeps one item and tries it again. The other waits for the end of its claim.
    const h = new Harness({ sweepItems: 1 });
    await h.create('dead');
    await h.create('q', { deadQueue: 'dead', maxAttempts: 1 });
    await h.produce('q', ['a', 'b']);
    await h.service.queues.delete('dead', true);
    await h.lease('q', 2);
    const claims = () =>
      h.storage.calls.flatMap(({ operation, args }) =>
        operation === 'sweep' ? [(args[0] as SweepRequest).claimTimeout] : [],
      );
    await h.clock.advance('70s');
    expect(claims().at(-1)).toBe(milliseconds(30_000));
    await h.clock.advance('15m');
    expect(claims().at(-1)).toBe(milliseconds(300_000));
    await h.create('dead');
    await h.clock.advance('5m10s');
    expect((await h.payloads('dead')).sort()).toEqual(['a', 'b']);
    expect(await h.payloads('q')).toEqual([]);
    await h.produce('q', ['c']);
    await h.lease('q');
    await h.clock.advance('61s');
    expect(claims().at(-1)).toBe(milliseconds(30_000));
    expect(await h.payloads('dead')).toHaveLength(3);
  });
});
